import { Module } from '@nestjs/common';
import { BackplaneModule } from '../backplane/backplane.module.js';
import { Settings } from '../config/settings.js';
import { Reload } from '../lifecycle/reload.js';
import { PresenceModule } from '../presence/presence.module.js';
import { CensusTaker } from './census.js';
import { Disconnections } from './disconnections.js';
import { OperatorToken } from './operator-token.js';

/** What operators may order, which every node obeys. */
@Module({
  imports: [BackplaneModule, PresenceModule],
  providers: [
    CensusTaker,
    Disconnections,
    {
      provide: OperatorToken,
      inject: [Settings, Reload],
      useFactory: (settings: Settings, reload: Reload) => OperatorToken.of(settings, reload),
    },
  ],
  exports: [CensusTaker, Disconnections, OperatorToken],
})
export class OperatorsModule {}
