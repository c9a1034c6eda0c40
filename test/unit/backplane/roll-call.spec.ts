import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { RollCall } from '../../../src/backplane/roll-call.js';
import { Roster } from '../../../src/backplane/roster.js';
import { BackplaneCounts } from '../../../src/metrics/backplane-counts.js';
import { ManualClock } from '../../support/manual-clock.js';
import { turn } from '../../support/turn.js';
import { until } from '../../support/until.js';

const OTHER = 'a'.repeat(16);

describe('N14: what a node says of itself', () => {
  let clock: ManualClock;
  let nodes: Roster;
  let counts: BackplaneCounts;
  let call: RollCall;
  let failures: Error[];
  let hear: (text: string) => void;
  /** What was said, and when, in milliseconds since it came. */
  let said: [number, string][];
  let connection: NatsConnection;
  beforeEach(() => {
    clock = new ManualClock();
    nodes = new Roster();
    counts = new BackplaneCounts();
    failures = [];
    said = [];
    const came = clock.monotonic();
    connection = {
      subscribe: (_subject: string, { callback }: { callback: (error: Error | null, message: Msg) => void }) => {
        hear = (text) => callback(null, { data: Buffer.from(text) } as unknown as Msg);
      },
      publish: (subject: string, text: string) => {
        expect(subject).toBe('cairn.nodes');
        const [word, id, ...more] = text.split(' ');
        expect([id, more]).toEqual([nodes.self, [String(nodes.connection)]]);
        said.push([clock.monotonic() - came, word]);
      },
    } as unknown as NatsConnection;
    const bus = { nodes, answers: true };
    call = new RollCall('cairn.nodes', bus, clock, counts, (error) => failures.push(error));
    call.joined(connection);
    call.begin(connection);
  });
  afterEach(() => call.stop());

  /** Lets time pass until so much was said. */
  const hearUntil = (count: number): Promise<void> =>
    until(
      () => said.length >= count,
      () => {
        clock.pass(10);
        return turn();
      },
    );
  const words = (): string[] => said.map(([, word]) => word);

  it('says hello until it has its subscriptions, then that it is alive, or leaving, and that it has gone', async () => {
    await hearUntil(2);
    expect(said[1][0]).toBeGreaterThanOrEqual(4000);
    call.whole();
    await hearUntil(4);
    expect(said[3][0] - said[2][0]).toBeGreaterThanOrEqual(4000);
    call.leave();
    await hearUntil(6);
    call.lost();
    call.begin(connection);
    call.whole();
    call.stop();
    const [coming, back] = [
      ['hello', 'hello'],
      ['hello', 'leaving', 'gone'],
    ];
    expect(words()).toEqual([...coming, 'alive', 'alive', 'leaving', 'leaving', ...back]);
  });

  it('answers any number of nodes that come with one call, and not before a second is over', async () => {
    call.whole();
    for (let i = 0; i < 1000; i++) hear(`hello ${OTHER} 1`);
    await hearUntil(3);
    expect(words()).toEqual(['hello', 'alive', 'alive']);
    expect(said[2][0]).toBeGreaterThanOrEqual(1000);
    const [, , [answered]] = said;
    await hearUntil(4);
    expect(said[3][0] - answered).toBeGreaterThanOrEqual(4000);
  });

  it('says nothing without a connection, or once it was closed for good', () => {
    call.lost();
    call.leave();
    call.begin({
      publish: () => {
        throw new Error('closed connection');
      },
    } as unknown as NatsConnection);
    expect(words()).toEqual(['hello']);
  });

  it('a listener that throws does not stop the reader', () => {
    nodes.watch({
      came: () => {
        throw new Error('no room');
      },
    });
    hear(`alive ${OTHER} 1`);
    expect(failures.map(({ message }) => message)).toEqual(['no room']);
    expect(nodes.others.has(OTHER)).toBe(true);
  });
});
