import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBackplane } from '../../../src/backplane/local-backplane.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { Lifecycle } from '../../../src/lifecycle/lifecycle.js';
import { Logs } from '../../../src/logging/log.js';
import { History, INTERVAL_MS, KEPT } from '../../../src/status/history.js';
import { RESOLUTION_MS } from '../../../src/status/sampler.js';
import type { Sample } from '../../../src/status/sampler.js';
import { Sources } from '../../../src/exposition/sources.js';
import { AnswerCounts } from '../../../src/metrics/answer-counts.js';
import { AuditCounts } from '../../../src/metrics/audit-counts.js';
import { BackplaneCounts } from '../../../src/metrics/backplane-counts.js';
import { CertificateExpiry } from '../../../src/metrics/certificate-expiry.js';
import { ConnectionCounts } from '../../../src/metrics/connection-counts.js';
import { HeldBytes } from '../../../src/metrics/held-bytes.js';
import { IceCounts } from '../../../src/metrics/ice-counts.js';
import { LimitCounts } from '../../../src/metrics/limit-counts.js';
import { OperatorCounts } from '../../../src/metrics/operator-counts.js';
import { PolicyCounts } from '../../../src/metrics/policy-counts.js';
import { PresenceCounts } from '../../../src/metrics/presence-counts.js';
import { RefusalCounts } from '../../../src/metrics/refusal-counts.js';
import { RendezvousCounts } from '../../../src/metrics/rendezvous-counts.js';
import { Timings } from '../../../src/metrics/timings.js';
import { TrafficCounts } from '../../../src/metrics/traffic-counts.js';
import { ConnectionRegistry } from '../../../src/presence/connection-registry.js';
import { TopicRegistry } from '../../../src/presence/topic-registry.js';
import { MemoryRecordStore } from '../../../src/records/memory-record-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { until } from '../../support/until.js';

describe('history', () => {
  let clock: ManualClock;
  let sources: Sources;
  let history: History;
  let told: Sample[];

  beforeEach(() => make('127.0.0.1:0'));
  afterEach(() => history.onApplicationShutdown());

  function make(managementAddr?: string): void {
    clock = new ManualClock();
    const settings = parseSettings(managementAddr === undefined ? {} : { managementAddr });
    const timings = new Timings();
    sources = new Sources(
      settings,
      new Lifecycle(),
      new ConnectionRegistry(),
      new TopicRegistry(clock, timings),
      new PresenceCounts(),
      new MemoryRecordStore({ ttl: 1000, perTopic: 1, perSource: 1, maxBytes: 1, maxBytesPerSource: 1 }, clock),
      new LocalBackplane(),
      new ConnectionCounts(),
      new RefusalCounts(),
      new TrafficCounts(),
      new AnswerCounts(),
      new LimitCounts(),
      new PolicyCounts(),
      new HeldBytes(),
      new RendezvousCounts(),
      new BackplaneCounts(),
      timings,
      new CertificateExpiry(),
      new AuditCounts(),
      new OperatorCounts(),
      new Logs({ format: 'json', destination: { write: () => undefined } }),
      new IceCounts(),
    );
    history = new History(sources, clock);
    told = [];
    history.tell((sample) => told.push(sample));
  }

  function pass(milliseconds = INTERVAL_MS): Sample {
    clock.pass(milliseconds);
    history.sample();
    return history.samples.at(-1)!;
  }

  it('has its first sample at the start, with nothing in it yet', () => {
    sources.traffic.deliveries = 1000;
    history.onModuleInit();
    expect(history.samples).toHaveLength(1);
    expect(told[0]).toMatchObject({ at: 0, messages: 0, deliveries: 0, processors: 0 });
    expect(told[0].heap).toBeGreaterThan(1e6);
    expect(told[0].resident).toBeGreaterThan(told[0].heap);
    expect(pass()).toMatchObject({ at: 2, deliveries: 0 });
  });

  it('reports rates over the time since the last sample, and no longer', () => {
    history.onModuleInit();
    const { traffic, refusals } = sources;
    traffic.received.relay += 6;
    traffic.received.subscribe += 1;
    traffic.dropped.undecodable += 1;
    traffic.deliveries += 3;
    traffic.bytesIn += 5000;
    traffic.bytesOut += 801;
    refusals.refused('token_wrong');
    refusals.refused('draining');
    expect(pass(4000)).toMatchObject({
      at: 4,
      messages: 2,
      deliveries: 0.75,
      bytesIn: 1250,
      bytesOut: 200,
      refused: 0.5,
    });
    expect(pass()).toMatchObject({ at: 6, messages: 0, deliveries: 0, bytesIn: 0, bytesOut: 0, refused: 0 });
    traffic.received.query += 1;
    expect(pass(3000)).toMatchObject({ at: 9, messages: 0.333 });
  });

  it('takes no sample while the last one is fresh, and then one over the whole time', () => {
    history.onModuleInit();
    sources.traffic.deliveries += 4;
    for (let i = 0; i < 5; i++) pass(INTERVAL_MS / 2 / 5 - 1);
    expect(history.samples).toHaveLength(1);
    expect(pass(5 + INTERVAL_MS / 2)).toMatchObject({ at: 2, deliveries: 2 });
    expect(told).toEqual(history.samples);
  });

  it('keeps the last ten minutes', () => {
    history.onModuleInit();
    for (let i = 1; i < KEPT; i++) pass();
    expect([history.samples.length, history.samples[0].at]).toEqual([KEPT, 0]);
    pass();
    expect([history.samples.length, history.samples[0].at, history.samples.at(-1)!.at]).toEqual([KEPT, 2, 600]);
  });

  it('sees a stall of the event loop', async () => {
    // Another look at the event loop, as often and a moment later: when it has looked, so has that of the history.
    const looks = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    history.onModuleInit();
    looks.enable();
    await until(() => looks.count > 0);
    for (const end = performance.now() + 120; performance.now() < end;);
    const before = looks.count;
    await until(() => looks.count > before);
    looks.disable();
    expect(pass().delay).toBeGreaterThan(100);
    expect(pass().delay).toBe(0);
  });

  it('takes no samples without a management address', () => {
    make();
    history.onModuleInit();
    expect(history.samples).toEqual([]);
    expect(told).toEqual([]);
  });
});
