import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { endPrograms, Program } from '../../../test/support/program.js';
import { until } from '../../../test/support/until.js';
import { connect } from '../../src/index.js';
import type { Signal, SignalError, Topic } from '../../src/index.js';
import { bytes, text } from '../support/watch.js';

const ROUNDS = 20;
/** Messages that each side says after each round, once both are back. */
const PER_ROUND = 20;
/** 50 a second. */
const PACE_MS = 20;
/** What every fifth message says, so that messages are equal. */
const SAME = 'same';

let signals: Signal[] = [];
afterEach(() => {
  for (const signal of signals) signal.close();
  signals = [];
  endPrograms();
});

/** One of two who talk. Owns what it has said, with what became of it, and what it has heard. */
class Talker {
  readonly signal: Signal;
  readonly topic: Topic;
  readonly heard: string[] = [];
  readonly acknowledged: string[] = [];
  /** May have arrived: the connection went before the answer came, or the other one was not there. */
  readonly doubtful: string[] = [];
  readonly odd: unknown[] = [];
  said = 0;

  constructor(url: string) {
    this.signal = connect(url, { WebSocket, backoff: { first: 20, most: 200 } });
    signals.push(this.signal);
    this.signal.addEventListener('error', ({ error }) => this.odd.push(error));
    this.topic = this.signal.join('t', { presence: true });
    this.topic.addEventListener('message', ({ payload }) => this.heard.push(text(payload)));
  }

  /** Is back, and sees the other one. */
  get isThere(): boolean {
    return this.signal.state === 'open' && this.topic.count === 2 && this.topic.members.size === 1;
  }

  async talk(over: AbortSignal): Promise<void> {
    const sendings: Promise<unknown>[] = [];
    while (!over.aborted) {
      const word = this.said % 5 === 0 ? SAME : String(this.said);
      this.said += 1;
      const done = (handed: number | undefined): unknown => (handed ? this.acknowledged : this.doubtful).push(word);
      const failed = ({ code }: SignalError): unknown => (code === 'unknown' ? this.doubtful : this.odd).push(word);
      sendings.push(this.topic.send(bytes(word)).then(done, failed));
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    await Promise.all(sendings);
  }
}

const count = (words: readonly string[], word: string): number => words.filter((one) => one === word).length;

describe('two peers that talk while their server is killed, and drained, again and again', () => {
  it('lose nothing that was acknowledged, and hear nothing twice', async () => {
    let port = 0;
    const start = async (): Promise<Program> => {
      const flags = ['--listen-addr', `127.0.0.1:${port}`, '--max-connections', '100', '--drain-timeout', '500ms'];
      const program = new Program(flags);
      port = await program.port();
      return program;
    };
    let server = await start();
    const talkers = [0, 1].map(() => new Talker(`ws://127.0.0.1:${port}`));
    const over = new AbortController();
    const talks = talkers.map((talker) => talker.talk(over.signal));
    for (let round = 0; round < ROUNDS; round++) {
      await until(() => talkers.every(({ isThere }) => isThere));
      const before = talkers.map(({ acknowledged }) => acknowledged.length);
      await until(() => talkers.every(({ acknowledged }, i) => acknowledged.length >= before[i] + PER_ROUND));
      server.signal(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      await server.ended;
      server = await start();
    }
    await until(() => talkers.every(({ isThere }) => isThere));
    over.abort();
    await Promise.all(talks);

    expect(talkers.flatMap(({ odd }) => odd)).toEqual([]);
    for (const [i, { acknowledged, doubtful, said }] of talkers.entries()) {
      const { heard } = talkers[1 - i];
      // What was acknowledged last may be on its way.
      await until(() => acknowledged.every((word) => heard.includes(word)));
      expect(acknowledged.length + doubtful.length).toBe(said);
      for (const word of new Set([...heard, ...acknowledged])) {
        const least = count(acknowledged, word);
        expect({ word, heard: count(heard, word) >= least }).toEqual({ word, heard: true });
        expect({ word, most: count(heard, word) <= least + count(doubtful, word) }).toEqual({ word, most: true });
      }
      expect(acknowledged.length).toBeGreaterThan(ROUNDS * PER_ROUND);
    }
  }, 300_000);
});
