import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Clock } from './clock.js';

/** Hands out the clock of the process, or one that a test holds. */
@Module({ exports: [Clock] })
export class ClockModule {
  static forClock(clock: Clock): DynamicModule {
    return { module: ClockModule, providers: [{ provide: Clock, useValue: clock }] };
  }
}
