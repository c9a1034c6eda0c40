import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BearerGuard } from '../../../src/auth/bearer.guard.js';
import { RefusalCounts } from '../../../src/metrics/refusal-counts.js';
import { makeCertificates } from '../../support/certificates.js';
import { HeldClock } from '../../support/held-clock.js';
import { closeMounted, mount } from '../../support/mounted-application.js';
import { Peer } from '../../support/peer.js';
import { endPrograms, Program } from '../../support/program.js';
import { HANDSHAKE, RawConnection } from '../../support/raw-http.js';
import { startServer, stopServers } from '../../support/server.js';
import { turn } from '../../support/turn.js';
import { until } from '../../support/until.js';

const RESTARTING = /^HTTP\/1\.1 503 [^]*Retry-After: 5\r\n[^]*This server is restarting; try again\.\n$/;

/** A guard that is asked, and never answers. */
function hanging(): { Guard: new () => { canActivate(): Promise<boolean> }; asked: () => number } {
  let asked = 0;
  class Guard {
    canActivate(): Promise<boolean> {
      asked += 1;
      return new Promise(() => undefined);
    }
  }
  return { Guard, asked: () => asked };
}

describe('D2: a handshake that is not decided when the drain begins', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-signal-undecided-'));
  });
  afterEach(async () => {
    endPrograms();
    await Promise.all([stopServers(), closeMounted()]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is 503 with Retry-After while a guard decides, also where there is no time to drain', async () => {
    for (const drainTimeout of ['0s', '1h']) {
      const { Guard, asked } = hanging();
      const running = await startServer({ drainTimeout }, 'trace', new HeldClock(), { guards: [Guard] });
      const waiting = await RawConnection.open(running.port);
      waiting.write(HANDSHAKE);
      await until(() => asked() === 1);
      await running.close();
      expect(await waiting.ended).toMatch(RESTARTING);
      expect(running.server.app.get(RefusalCounts, { strict: false }).of('draining')).toBe(1);
    }
  });

  it('waits on through drain-delay, and is let in if the guard says so', async () => {
    const clock = new HeldClock();
    const answers: ((yes: boolean) => void)[] = [];
    class Guard {
      canActivate(): Promise<boolean> {
        return new Promise((resolve) => answers.push(resolve));
      }
    }
    const running = await startServer({ drainDelay: '3s', drainTimeout: '1h' }, 'trace', clock, { guards: [Guard] });
    const begun = clock.begunToSleep(3000);
    const [first, second] = [await RawConnection.open(running.port), await RawConnection.open(running.port)];
    first.write(HANDSHAKE);
    await until(() => answers.length === 1);
    const closing = running.close();
    await begun;
    answers[0](true);
    await first.heard('101 Switching Protocols');
    second.write(HANDSHAKE);
    await until(() => answers.length === 2);
    clock.pass(3000);
    expect(await second.ended).toMatch(RESTARTING);
    first.socket.destroy();
    let closed = false;
    void closing.then(() => (closed = true));
    await until(
      () => closed,
      () => (clock.pass(10), turn()),
    );
  });

  it('is 503 over TLS, too', async () => {
    const certificates = await makeCertificates();
    const { Guard, asked } = hanging();
    const running = await startServer(
      { tlsCert: certificates.chain, tlsKey: certificates.key, drainTimeout: '0s' },
      'trace',
      undefined,
      {
        guards: [Guard],
      },
    );
    const socket = connect({ port: running.port, host: '127.0.0.1', rejectUnauthorized: false });
    let heard = '';
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
    socket.on('error', () => undefined);
    socket.write(HANDSHAKE);
    await until(() => asked() === 1);
    await running.close();
    await until(() => heard.endsWith('\n'));
    expect(heard).toMatch(RESTARTING);
    socket.destroy();
    certificates.remove();
  });

  it('is 503 while the keys of a JWT are fetched', async () => {
    const issuer = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const running = await startServer({ jwtIssuer: url, jwtJwksUrl: `${url}/keys`, jwtAudience: 'a' });
    const token = [{ alg: 'ES256', kid: 'k' }, { iss: url, sub: 's', aud: 'a', exp: 4e9 }, {}]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const asked = jest.spyOn(running.server.app.get(BearerGuard, { strict: false }), 'canActivate');
    const refused = Peer.refused(running.url, { headers: { Authorization: `Bearer ${token}` } });
    await until(() => asked.mock.calls.length === 1);
    await running.close();
    expect(await refused).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    issuer.closeAllConnections();
    issuer.close();
  });

  it('is 503 behind a rehearsal that is not decided either, on the same connection', async () => {
    const { Guard, asked } = hanging();
    const running = await startServer({}, 'trace', undefined, { guards: [Guard] });
    const parked = await RawConnection.open(running.port);
    parked.write(`GET /check/auth HTTP/1.1\r\nHost: localhost\r\n\r\n${HANDSHAKE}`);
    await until(() => asked() === 1);
    await running.close();
    const answers = await parked.ended;
    expect(answers.match(/HTTP\/1\.1 503 /g)).toHaveLength(2);
    expect(answers.match(/Retry-After: 5\r\n/gi)).toHaveLength(2);
  });

  it('is 503 in an application, too', async () => {
    const { Guard, asked } = hanging();
    const mounted = await mount({ guards: [Guard] });
    const refused = Peer.refused(mounted.url);
    await until(() => asked() === 1);
    await closeMounted();
    expect(await refused).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  });

  it.each([
    ['SIGTERM, without a delay', ['--drain-timeout', '30s'], false, 0],
    ['a second signal within drain-delay', ['--drain-delay', '1h'], true, 143],
  ] as const)('is 503 from the program: %s', async (_what, flags, twice, code) => {
    const file = join(folder, 'hanging.mjs');
    writeFileSync(
      file,
      'export class Hanging { canActivate() { console.log("asked"); return new Promise(() => undefined); } }',
    );
    const program = new Program(['--listen-addr', '127.0.0.1:0', '--guard', file, ...flags]);
    const waiting = await RawConnection.open(await program.port());
    waiting.write(HANDSHAKE);
    await program.printed(/^asked$/m);
    program.signal('SIGTERM');
    await program.printed(/"stopping"/);
    let ended = false;
    void program.ended.then(() => (ended = true));
    // A second signal within half a second of the first says the same.
    const again = (): void => void (twice && program.signal('SIGTERM'));
    await until(
      () => ended,
      () => (again(), turn()),
    );
    expect(await waiting.ended).toMatch(RESTARTING);
    expect((await program.ended).code).toBe(code);
  });
});
