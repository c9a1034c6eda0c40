import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { TransportModule } from '../transport/transport.module.js';
import { IceController } from './ice.controller.js';
import { IceRate } from './ice-rate.js';
import { IceModule } from './ice.module.js';

/** ICE servers for peers that do not speak cairn-signal.v2: `GET /ice`, of the program and of applications. */
@Module({ imports: [IceModule, MetricsModule, TransportModule], controllers: [IceController], providers: [IceRate] })
export class IceEndpointModule {}
