import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { MemoryRecordStore } from './memory-record-store.js';

const INTERVAL_MS = 1000;
/** Records buried in one go: a few milliseconds of work at most. */
const BURIED_A_STEP = 2000;

/** Frees the memory of expired records when nobody asks for them: one timer for all, bounded work a step. */
@Injectable()
export class ExpirySweep implements OnModuleInit, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly store: MemoryRecordStore) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => this.#step(), INTERVAL_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** As long as there is more to bury, the next step follows at once, after others had their turn. */
  #step(): void {
    if (this.store.expire(BURIED_A_STEP)) setImmediate(() => this.#step());
  }
}
