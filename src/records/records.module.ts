import { Module } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { ExpirySweep } from './expiry-sweep.js';
import { MemoryRecordStore } from './memory-record-store.js';
import { RecordStore } from './record-store.js';

/** Part of the store's bytes that one source may take. It may always take one record of the largest size. */
const SHARE_PER_SOURCE = 1 / 4;

/** Provides the store of what peers leave on topics for others to find. */
@Module({
  providers: [
    {
      provide: MemoryRecordStore,
      inject: [Settings, Clock],
      useFactory: (settings: Settings, clock: Clock) =>
        new MemoryRecordStore(
          {
            ttl: settings.recordTtl,
            perTopic: settings.recordsPerTopic,
            perSource: settings.recordsPerSource,
            maxBytes: settings.recordsMaxBytes,
            maxBytesPerSource: Math.max(settings.recordsMaxBytes * SHARE_PER_SOURCE, 2 * settings.recordMaxBytes),
          },
          clock,
        ),
    },
    { provide: RecordStore, useExisting: MemoryRecordStore },
    ExpirySweep,
  ],
  exports: [RecordStore],
})
export class RecordsModule {}
