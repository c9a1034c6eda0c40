import { isIP } from 'node:net';
import type { Clock } from '../../src/clock/clock.js';
import { SystemClock } from '../../src/clock/clock.js';
import type { ClientCertificate } from '../../src/doctor/client-certificate.js';
import { examineAll } from '../../src/doctor/doctor.js';
import type { Entry } from '../../src/doctor/doctor.js';
import { EXAMINATIONS } from '../../src/doctor/examinations.js';
import { Subject } from '../../src/doctor/subject.js';
import { readTarget } from '../../src/doctor/target.js';

export interface DiagnosisOptions {
  readonly token?: string;
  readonly ca?: string;
  readonly certificate?: ClientCertificate;
  readonly topic?: string;
  /** In milliseconds. */
  readonly idle?: number;
  readonly timeout?: number;
  readonly clock?: Clock;
  /** What the name resolves to if `dns` is not among the examinations. */
  readonly addresses?: readonly string[];
  /** Only these examinations, in their order. */
  readonly only?: readonly string[];
}

/** Long enough for any machine. Tests of a timeout have their own clock. */
const TIMEOUT_MS = 20_000;

/** What the doctor finds, by examination. */
export async function diagnose(
  url: string,
  {
    token,
    ca,
    certificate,
    topic,
    idle,
    timeout = TIMEOUT_MS,
    clock = new SystemClock(),
    addresses,
    only,
  }: DiagnosisOptions = {},
): Promise<Record<string, Entry>> {
  const subject = new Subject({ target: readTarget(url), token, ca, certificate, topic, idle, timeout }, clock);
  subject.addresses = (addresses ?? []).map((address) => ({ address, family: isIP(address) }));
  const examinations = EXAMINATIONS.filter(({ name }) => only?.includes(name) ?? true);
  const entries = await examineAll(subject, examinations, { begins: () => undefined, ends: () => undefined });
  return Object.fromEntries(entries.map((entry) => [entry.name, entry]));
}

/** Returns only the verdicts. */
export function verdicts(findings: Record<string, Entry>): Record<string, string> {
  return Object.fromEntries(Object.entries(findings).map(([name, { verdict }]) => [name, verdict]));
}
