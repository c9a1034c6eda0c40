import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Logs } from './log.js';

/** Hands out the log, which is made before the application so that its start is logged too. */
@Module({ exports: [Logs] })
export class LoggingModule {
  static forLogs(logs: Logs): DynamicModule {
    return { module: LoggingModule, providers: [{ provide: Logs, useValue: logs }] };
  }
}
