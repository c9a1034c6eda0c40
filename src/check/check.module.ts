import { Module } from '@nestjs/common';
import { TransportModule } from '../transport/transport.module.js';
import { CheckController } from './check.controller.js';

/** The connection check: a page, and whether a peer would be let in. Loaded only if `check-page` is on. */
@Module({ imports: [TransportModule], controllers: [CheckController] })
export class CheckModule {}
