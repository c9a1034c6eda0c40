import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { Sweep } from '../clock/sweep.js';
import { MemoryRecordStore } from './memory-record-store.js';

const INTERVAL_MS = 1000;
/** Maximum number of records removed in one step: a few milliseconds of work. */
const REMOVED_PER_STEP = 2000;

/** Frees the memory of expired records that nobody asks for. Owns one timer for all; the work of a step is bounded. */
@Injectable()
export class ExpirySweep implements OnModuleInit, OnModuleDestroy {
  readonly #sweep: Sweep;

  constructor(store: MemoryRecordStore) {
    this.#sweep = new Sweep(() => store.expire(REMOVED_PER_STEP), INTERVAL_MS);
  }

  onModuleInit(): void {
    this.#sweep.start();
  }

  onModuleDestroy(): void {
    this.#sweep.stop();
  }
}
