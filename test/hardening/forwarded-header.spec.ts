/** @own-context V8 counts only the steps of what it compiles after the counter began. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TrustedProxies } from '../../src/transport/trusted-proxies.js';
import { HonestPair } from '../support/honest-pair.js';
import { isLinear, PatternRecorder } from '../support/patterns.js';
import { exchange, HANDSHAKE } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { StepCounter } from '../support/steps.js';

/**
 * A header of 16 KB that says where a peer is, which is read before any guard. For backtracking regular expressions,
 * `for=a<15,000 spaces>b` and unclosed quotes would take time quadratic in their length: up to a second each.
 */
const worst: readonly (readonly [string, (size: number) => string])[] = [
  ['spaces in a value', (size) => `for=a${' '.repeat(size)}b`],
  ['spaces before a value', (size) => `for=${' '.repeat(size)}b`],
  ['spaces after a name', (size) => `for${' '.repeat(size)}x`],
  ['tabs and spaces', (size) => `for=a${'\t '.repeat(size / 2)}b`],
  ['spaces in each of many values', (size) => 'for=a         b,'.repeat(size / 16)],
  ['quotes in an unclosed quote', (size) => `"${'\\"'.repeat(size / 2)}`],
  ['backslashes in an unclosed quote', (size) => `for="${'\\'.repeat(size)}`],
  ['an unclosed quote after many closed ones', (size) => `${'""'.repeat(size / 2)}"`],
  ['quotes side by side', (size) => `for=${'""'.repeat(size / 2)}`],
  ['pairs', (size) => 'for=1;'.repeat(size / 6)],
  ['pairs without a name', (size) => '='.repeat(size)],
  ['semicolons', (size) => ';'.repeat(size)],
  ['commas', (size) => ','.repeat(size)],
  ['commas and spaces', (size) => ', '.repeat(size / 2)],
  ['digits', (size) => `for=1.1.1.${'1'.repeat(size)}`],
  ['digits of a port', (size) => `for="1.1.1.1:${'1'.repeat(size)}x"`],
  ['brackets', (size) => `for="${'['.repeat(size)}"`],
  ['a zone', (size) => `for="[fe80::1${'%'.repeat(size)}]x"`],
  ['trusted hops', (size) => 'for=127.0.0.1,'.repeat(size / 14)],
];
/** What is left of 16 KB next to the rest of a handshake. */
const MOST = 15_000;
const HEADERS = ['forwarded', 'x-forwarded-for'];

describe('L7: worst cases of the header that says where a peer is', () => {
  let counter: StepCounter;

  beforeAll(async () => {
    counter = await StepCounter.start();
    // V8 counts what it compiled before.
    for (const header of HEADERS) await steps(header, 'for=1.1.1.1;by="a", for=2.2.2.2');
  });
  afterAll(() => counter.stop());

  /** Of our own code, for each value; what regular expressions take is in the length of the text. */
  async function steps(header: string, ...values: readonly string[]): Promise<number[]> {
    const socket = new Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: '127.0.0.1' });
    const proxies = new TrustedProxies([{ address: '127.0.0.1', prefix: 32, family: 'ipv4' }], header);
    const reads = values.map((value) => {
      const request = Object.assign(new IncomingMessage(socket), { headers: { [header]: value } });
      return (): void => void proxies.addressOf(request);
    });
    const recorder = PatternRecorder.start();
    try {
      return await counter.counts(...reads);
    } finally {
      expect([...recorder.stop().values()].filter((pattern) => !isLinear(pattern))).toEqual([]);
    }
  }

  it.each(HEADERS.flatMap((header) => worst.map(([what, make]) => [header, what, make] as const)))(
    '%s: %s: twice as long is about twice the work at most',
    async (header, _what, make) => {
      const [half, whole] = await steps(header, make(MOST / 2), make(MOST));
      expect(whole).toBeLessThanOrEqual(2.1 * half);
      expect(whole).toBeLessThanOrEqual(8 * MOST);
    },
  );

  it('the steps of a character are counted', async () => {
    const [spaces] = await steps('forwarded', ' '.repeat(MOST));
    expect(spaces).toBeGreaterThanOrEqual(MOST);
  });
});

describe('L7: upgrades with such a header', () => {
  let running: RunningServer;
  let pair: HonestPair;

  beforeAll(async () => {
    running = await startServer(
      { trustedProxies: '127.0.0.1', forwardedHeader: 'forwarded', allowedOrigins: 'https://app.example' },
      'info',
    );
    pair = await HonestPair.connect(running.url, { headers: { Forwarded: 'for=192.0.2.1' } });
  });
  afterAll(stopServers);

  it.each(worst)('%s: refused for another reason, and honest peers are served', async (_what, make) => {
    const headers = `Origin: https://other.example\r\nForwarded: ${make(MOST)}\r\n\r\n`;
    expect(await exchange(running.port, HANDSHAKE.replace(/\r\n$/, headers))).toMatch(/^HTTP\/1\.1 403 /);
    await pair.isServed();
  });
});
