import { Module } from '@nestjs/common';
import { BackplaneModule } from '../backplane/backplane.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { RecordsModule } from '../records/records.module.js';
import { Exposition } from './exposition.js';
import { Sources } from './sources.js';

/** The figures of this node, and the metrics as text; who may read them is decided elsewhere. */
@Module({
  imports: [BackplaneModule, MetricsModule, PresenceModule, RecordsModule],
  providers: [Exposition, Sources],
  exports: [Exposition, Sources],
})
export class ExpositionModule {}
