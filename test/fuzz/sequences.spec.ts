import { afterAll, beforeAll, expect } from '@jest/globals';
import fc from 'fast-check';
import type { SettingsInput } from '../../src/config/settings.js';
import { ConnectionRegistry } from '../../src/presence/connection-registry.js';
import { TopicRegistry } from '../../src/presence/topic-registry.js';
import { MemoryRecordStore } from '../../src/records/memory-record-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { BOUNDS } from './model.js';
import type { Step } from './model.js';
import { Play } from './play.js';
import type { Stage } from './play.js';
import { property } from './property.js';

/** Bounds that sequences reach, with no pings between what peers send, and no rate limit. */
const SETTINGS: SettingsInput = {
  recordTtl: `${BOUNDS.ttl}ms`,
  recordsPerTopic: BOUNDS.perTopic,
  recordMaxBytes: BOUNDS.recordBytes,
  pingInterval: '1h',
  pongTimeout: '1h',
  maxMessagesPerSecond: 0,
};

const clock = new ManualClock();
let running: RunningServer;
let stage: Stage;
let registry: TopicRegistry;
let store: MemoryRecordStore;
let runs = 0;

beforeAll(async () => {
  running = await startServer(SETTINGS, 'warn', clock);
  const { app } = running.server;
  registry = app.get(TopicRegistry, { strict: false });
  store = app.get(MemoryRecordStore, { strict: false });
  const connections = app.get(ConnectionRegistry, { strict: false });
  stage = {
    url: running.url,
    connections,
    witness: await Peer.connect(running.url),
    pass: (milliseconds) => clock.pass(milliseconds),
  };
});
afterAll(stopServers);

/**
 * Sizes of payloads, in bytes: also such that an answer is about as long as it may be, or that two are more than is
 * replayed.
 */
const size = fc.oneof(
  { withCrossShrink: true },
  fc.constantFrom(3, 3, 0, BOUNDS.recordBytes, BOUNDS.recordBytes, BOUNDS.recordBytes + 1),
  fc.integer({ min: 1180, max: 1205 }),
);
const peerId = fc.constantFrom('', '', 'aa', 'bb');
const addresses = fc.constantFrom(
  ['x'],
  ['y', 'x'],
  ['x', 'y', 'x'],
  [],
  ['c0Ff'],
  ['z'.repeat(2000)],
  ['z'.repeat(BOUNDS.recordBytes)],
);

/** The kinds of steps of `peers` peers on `topics` topics. */
function kindsOf(peers: number, topics: number): fc.Arbitrary<Step>[] {
  const [who, topic] = [fc.nat(peers - 1), fc.constantFrom(...['a', 'b', 'c'].slice(0, topics))];
  return [
    fc.record({ act: fc.constant('subscribe' as const), who, topic }),
    fc.record({ act: fc.constant('unsubscribe' as const), who, topic }),
    fc.record({ act: fc.constantFrom('relay' as const, 'relay leniently' as const), who, topic, size }),
    fc.record({ act: fc.constant('publish' as const), who, topic, size }),
    fc.record({ act: fc.constant('announce' as const), who, topic, peerId, addresses }),
    fc.record({ act: fc.constant('query' as const), who, topic }),
    fc.record({ act: fc.constantFrom('connect' as const, 'talk nonsense' as const), who }),
    fc.record({ act: fc.constantFrom('close' as const, 'cut' as const), who }),
    fc.record({ act: fc.constant('wait' as const), milliseconds: fc.constantFrom(BOUNDS.ttl / 2, BOUNDS.ttl) }),
  ];
}

/**
 * Sequences of a few kinds of steps, on a few topics: one that has some of everything does not get far with anything.
 */
const sequence = fc
  .tuple(
    fc.integer({ min: 2, max: 5 }),
    fc.integer({ min: 1, max: 3 }),
    fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 3 }),
  )
  .chain(([peers, topics, some]) =>
    fc.array(fc.oneof(...some.map((kind) => kindsOf(peers, topics)[kind])), { maxLength: 60, size: 'max' }),
  );

property('every connection receives what the rules say, after any sequence', sequence, async (steps) => {
  const before = registry.size;
  const play = new Play(stage, `run ${++runs}, topic `);
  try {
    for (const [i, taken] of steps.entries()) await play.take(taken, i);
    await play.settle();
    expect(play.heard).toEqual(play.model.heard);
  } finally {
    await play.end();
    clock.pass(BOUNDS.ttl);
    store.expire(Infinity);
  }
  expect({ topics: registry.size, records: store.size, bytes: store.bytes, log: running.log }).toEqual({
    topics: before,
    records: 0,
    bytes: 0,
    log: [],
  });
});
