import { Module } from '@nestjs/common';
import { CheckController } from './check.controller.js';

/** The connection check: there only where `check-page` is on. */
@Module({ controllers: [CheckController] })
export class CheckModule {}
