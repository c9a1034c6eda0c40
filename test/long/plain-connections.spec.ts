import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { HonestPair } from '../support/honest-pair.js';
import type { PeerOptions } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';

/** File handles that the program may open: 64 are its own, and 192 are for TCP connections of any kind. */
const FILES = 256;
/** More connections than there are handles. */
const HELD = 300;
/** A request that another one may follow. */
const COMPLETE = /^GET .*\r\n\r\n$/s;

const GET = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const BY_PROXY = 'X-Forwarded-For: 203.0.113.1\r\n';

const SLOW_REHEARSAL = ['--guard', fileURLToPath(new URL('../support/extensions/slow-rehearsal.js', import.meta.url))];

/**
 * TCP connections that do not belong to a peer: as many as there are handles, and more, reopened when one is closed.
 * With only a bound on all TCP connections together, whoever holds them would lock every newcomer out.
 */
class Attack {
  readonly #open = new Set<Socket>();
  #opened = 0;

  constructor(
    private readonly port: number,
    private readonly say: string,
    private readonly tls: boolean,
  ) {}

  /** How many of its connections the server closed. */
  get closed(): number {
    return this.#opened - this.#open.size;
  }

  /**
   * Sends it again on the open connections, and opens the missing ones. Resolves when it was sent on each, or the
   * connection closed.
   */
  async goOn(): Promise<void> {
    for (const socket of this.#open) if (COMPLETE.test(this.say)) socket.write(this.say);
    const missing = HELD - this.#open.size;
    for (let i = 0; i < missing; i += 20) await Promise.all(Array.from({ length: 20 }, () => this.#hold()));
  }

  end(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async #hold(): Promise<void> {
    const target = { port: this.port, host: '127.0.0.1', localAddress: '127.0.0.1' };
    const socket = this.tls ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target);
    this.#open.add(socket);
    this.#opened += 1;
    socket.on('error', () => undefined);
    socket.resume();
    socket.once('close', () => this.#open.delete(socket));
    const said = new Promise((resolve) => {
      socket.once(this.tls ? 'secureConnect' : 'connect', () => socket.write(this.say, resolve));
    });
    await Promise.race([said, once(socket, 'close')]);
  }
}

describe('file handles taken by plain HTTP', () => {
  let certificates: Certificates;
  let attack: Attack | undefined;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterEach(() => {
    attack?.end();
    endPrograms();
  });
  afterAll(() => certificates.remove());

  interface Circumstances {
    readonly flags?: readonly string[];
    readonly tls?: boolean;
    readonly honest?: PeerOptions;
  }

  /**
   * Starts the program, has `say` sent on more connections than there are handles, and tells how many of five honest
   * pairs from another address were served meanwhile, and the exit code of the program.
   */
  async function served(
    say: string,
    { flags = [], tls = false, honest = { localAddress: '127.0.0.2' } }: Circumstances = {},
  ): Promise<[pairs: number, code: number | null]> {
    const secure = tls ? ['--tls-cert', certificates.chain, '--tls-key', certificates.key] : [];
    // Longer than the test: no timeout helps.
    const program = new Program(
      ['--listen-addr', '127.0.0.1:0', '--handshake-timeout', '5m', ...secure, ...flags],
      { RUST_LOG: 'info' },
      FILES,
    );
    const port = await program.port();
    attack = new Attack(port, say, tls && say !== '');
    await attack.goOn();
    let pairs = 0;
    for (; pairs < 5; pairs++) {
      const onceMore = attack.goOn();
      const pair = await HonestPair.connect(`${tls ? 'wss' : 'ws'}://127.0.0.1:${port}`, {
        ...honest,
        ca: certificates.ca,
        servername: 'localhost',
      });
      await onceMore;
      await pair.isServed();
    }
    expect(attack.closed).toBeGreaterThanOrEqual(HELD - 192);
    expect(program.output).toMatch(/closed a plain connection for a newer one: there are not enough file handles/);
    // A guard that never answers is given up after 5 s, which pass on a busy machine.
    expect(program.output).not.toMatch(/dropped a connection|"level":"error"(?!.*a guard did not answer within)/);
    attack.end();
    program.signal('SIGTERM');
    return [pairs, (await program.ended).code];
  }

  it.each([
    ['connections that send nothing', ''],
    ['connections with unfinished requests', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: '],
    ['connections with repeated health checks', GET('/health/live')],
    ['connections that are kept alive after an answer', GET('/')],
    ['connections with bodies that never end', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n'],
    ['connections that got 404', GET('/nowhere')],
  ])('L16: %s are closed for peers', async (_what, say) => expect(await served(say)).toEqual([5, 0]), 60_000);

  it('L16: so do answers that a guard holds back', async () =>
    expect(await served(GET('/check/auth'), { flags: SLOW_REHEARSAL })).toEqual([5, 0]));

  it.each([
    ['that send nothing during the TLS handshake', ''],
    ['that are kept alive after it', GET('/')],
  ])('L16: so do connections %s', async (_what, say) => expect(await served(say, { tls: true })).toEqual([5, 0]));

  it.each([
    ['kept alive', GET('/', BY_PROXY)],
    ['held by a guard', GET('/check/auth', BY_PROXY)],
    ['of requests that are begun', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: '],
  ])('L16: so do those of a trusted proxy %s, for other peers behind it', async (_what, say) => {
    const behind = {
      flags: ['--trusted-proxies', '127.0.0.0/8', ...SLOW_REHEARSAL],
      honest: { headers: { 'X-Forwarded-For': '203.0.113.2' } },
    };
    expect(await served(say, behind)).toEqual([5, 0]);
  });
});
