import { Injectable } from '@nestjs/common';

/** Counts of audit lines since the start. Plain numbers, read on demand. Knows nothing of what they say. */
@Injectable()
export class AuditCounts {
  written = 0;
  dropped = 0;
}
