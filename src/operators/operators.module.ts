import { Module } from '@nestjs/common';
import { BackplaneModule } from '../backplane/backplane.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { CensusTaker } from './census.js';
import { Disconnections } from './disconnections.js';
import { OperatorToken } from './operator-token.js';

/** What operators may order, which every node obeys. */
@Module({
  imports: [BackplaneModule, PresenceModule],
  providers: [CensusTaker, Disconnections, OperatorToken],
  exports: [CensusTaker, Disconnections, OperatorToken],
})
export class OperatorsModule {}
