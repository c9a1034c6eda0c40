import { Module } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { StartupError } from '../config/faults.js';
import { Settings } from '../config/settings.js';
import { descriptorFault } from '../logging/device.js';
import type { LineWriter } from '../logging/line-writer.js';
import { standardOutput, writerTo } from '../logging/standard-output.js';
import { AuditCounts } from '../metrics/audit-counts.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { Audit } from './audit.js';

/** The audit: who connected, who was refused, who left. */
@Module({
  imports: [MetricsModule],
  providers: [
    {
      provide: Audit,
      inject: [Settings, Clock, AuditCounts],
      useFactory: ({ audit }: Settings, clock: Clock, counts: AuditCounts) => new Audit(writerOf(audit), clock, counts),
    },
  ],
  exports: [Audit],
})
export class AuditModule {}

/** Returns the writer to a descriptor. Throws a StartupError for one that cannot be written to. */
function writerOf(descriptor: number | undefined): LineWriter | undefined {
  if (descriptor === undefined) return undefined;
  if (descriptor === 1) return standardOutput();
  const fault = descriptorFault(descriptor);
  if (fault === undefined) return writerTo(descriptor);
  throw new StartupError(
    `audit fd:${descriptor}: this file descriptor ${fault}: pass it on, as in ${descriptor}>>FILE`,
  );
}
