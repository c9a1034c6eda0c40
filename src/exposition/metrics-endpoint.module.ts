import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { ExpositionModule } from './exposition.module.js';
import { MetricsController } from './metrics.controller.js';

/** `/metrics`, which an application that embeds the server does not get: its paths are its own. */
@Module({ imports: [AuthModule, ExpositionModule], controllers: [MetricsController] })
export class MetricsEndpointModule {}
