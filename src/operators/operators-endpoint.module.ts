import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { TransportModule } from '../transport/transport.module.js';
import { OperatorDoor } from './operator-door.js';
import { OperatorsController } from './operators.controller.js';
import { OperatorsModule } from './operators.module.js';

/** Orders by HTTP, on the management address. An application that embeds the server has none. */
@Module({
  imports: [AuditModule, MetricsModule, OperatorsModule, TransportModule],
  controllers: [OperatorsController],
  providers: [OperatorDoor],
})
export class OperatorsEndpointModule {}
