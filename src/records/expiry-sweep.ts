import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { Sweep } from '../clock/sweep.js';
import { MemoryRecordStore } from './memory-record-store.js';

const INTERVAL_MS = 1000;
/** Records buried in one go: a few milliseconds of work at most. */
const BURIED_A_STEP = 2000;

/** Frees the memory of expired records when nobody asks for them: one timer for all, bounded work a step. */
@Injectable()
export class ExpirySweep implements OnModuleInit, OnModuleDestroy {
  readonly #sweep: Sweep;

  constructor(store: MemoryRecordStore) {
    this.#sweep = new Sweep(() => store.expire(BURIED_A_STEP), INTERVAL_MS);
  }

  onModuleInit(): void {
    this.#sweep.start();
  }

  onModuleDestroy(): void {
    this.#sweep.stop();
  }
}
