import { Module } from '@nestjs/common';
import { BackplaneModule } from '../backplane/backplane.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { RecordsModule } from '../records/records.module.js';
import { ApplicationRegistry } from './application-registry.js';
import { Exposition } from './exposition.js';
import { Sources } from './sources.js';

/** The figures of this node, and the metrics as text; who may read them is decided elsewhere. */
@Module({
  imports: [BackplaneModule, MetricsModule, PresenceModule, RecordsModule],
  providers: [ApplicationRegistry, Exposition, Sources],
  exports: [ApplicationRegistry, Exposition, Sources],
})
export class ExpositionModule {}
