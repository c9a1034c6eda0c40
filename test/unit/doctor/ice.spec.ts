import { afterEach, describe, expect, it } from '@jest/globals';
import { relayCaution } from '../../../src/doctor/ice-probe.js';
import type { Entry } from '../../../src/doctor/doctor.js';
import { ICE_CLOSED, NO_ICE_SERVERS } from '../../../src/protocol/error-codes.js';
import { ATTRIBUTE, CLASS, METHOD, readStun } from '../../../src/turn/stun-message.js';
import type { StunMessage } from '../../../src/turn/stun-message.js';
import { makeChain } from '../../support/certificates.js';
import { diagnose } from '../../support/diagnosis.js';
import { HeldClock } from '../../support/held-clock.js';
import { startReference, startTcp, startTls, stopOddServers, unusedPort } from '../../support/odd-servers.js';
import {
  allocation,
  answer,
  challenge,
  PASSWORD,
  refusal,
  startTurn,
  startUdp,
  unusedUdpPort,
  stopOddTurn,
  USERNAME,
} from '../../support/odd-turn.js';
import { startV2 } from '../../support/v2-server.js';

afterEach(async () => {
  await stopOddServers();
  await stopOddTurn();
});

const TIMEOUT_MS = 10_000;
const only = ['dns', 'tcp', 'ice'];
const CREDENTIALS = { username: USERNAME, credential: PASSWORD };

/** A clock at which these credentials end in an hour, and that passes over the pauses between attempts. */
class Clock extends HeldClock {
  override now(): number {
    return (Number(USERNAME.split(':')[0]) - 3600) * 1000;
  }

  override sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
    const slept = super.sleep(milliseconds, over);
    if (milliseconds === 1500) this.pass(milliseconds);
    return slept;
  }
}

/** What the doctor finds at a server that answers so to IceServers. */
async function examine(said: object | undefined, clock = new Clock(), ca?: string): Promise<Entry> {
  const port = await startV2({
    odd: ({ IceServers }) => (IceServers === undefined || said === undefined ? undefined : [said]),
  });
  return (await diagnose(`ws://127.0.0.1:${port}`, { only, clock, timeout: TIMEOUT_MS, ...(ca && { ca }) })).ice;
}

/** What the doctor finds at one URL. */
function examineUrl(url: string, clock?: Clock, ca?: string): Promise<Entry> {
  const servers = [{ urls: [url], ...(url.startsWith('turn') && CREDENTIALS) }];
  return examine({ IceServers: { id: 1, ttl: 3600, servers } }, clock, ca);
}

/** What the doctor sent. */
function readAsked(packet: Buffer): StunMessage {
  return readStun(packet)!;
}

const isAllocate = (message: StunMessage): boolean => message.method === METHOD.allocate;
const hasShown = (message: StunMessage): boolean => message.attributes.has(ATTRIBUTE.username);

describe('what the server says', () => {
  it.each([
    ['none', { Error: { id: 1, code: 'unavailable', message: NO_ICE_SERVERS.text } }, 'skipped', /has no ICE servers/],
    ['an older one', { Error: { id: 1, code: 'unsupported', message: 'x' } }, 'skipped', /has no ICE servers/],
    ['not for strangers', { Error: { id: 1, code: 'unavailable', message: ICE_CLOSED.text } }, 'warning', /turn-open/],
    [
      'a failure',
      { Error: { id: 1, code: 'unavailable', message: 'the provider failed' } },
      'failed',
      /provider failed/,
    ],
    ['an Error of nothing', { Error: { id: 1 } }, 'failed', /an Error without a message/],
    ['an empty list', { IceServers: { id: 1, ttl: 60, servers: [] } }, 'warning', /is empty/],
    ['no list', { IceServers: { id: 1, ttl: 60 } }, 'failed', /no list of ICE servers/],
    ['no ttl', { IceServers: { id: 1, servers: [{ urls: ['stun:a'] }] } }, 'failed', /no list of ICE servers/],
    ['null', { IceServers: { id: 1, ttl: 60, servers: [null] } }, 'failed', /no list of ICE servers/],
    ['a text', { IceServers: { id: 1, ttl: 60, servers: [{ urls: 'stun:a' }] } }, 'failed', /no list of ICE servers/],
    ['numbers', { IceServers: { id: 1, ttl: 60, servers: [{ urls: [1] }] } }, 'failed', /no list of ICE servers/],
  ])('%s', async (_what, said, verdict, found) => {
    expect(await examine(said)).toMatchObject({ verdict, found: expect.stringMatching(found) });
  });

  it('a server without cairn-signal.v2', async () => {
    const port = await startReference({ handleProtocols: () => false });
    expect((await diagnose(`ws://127.0.0.1:${port}`, { only })).ice).toMatchObject({
      verdict: 'skipped',
      found: expect.stringContaining('does not select cairn-signal.v2'),
    });
  });

  it.each([
    ['http://127.0.0.1:1', 'failed', 'this is no URL of a STUN or TURN server'],
    ['stun:user:password@127.0.0.1', 'failed', 'this is no URL of a STUN or TURN server'],
    ['turns:127.0.0.1?transport=udp', 'ok', 'not tried: the doctor has no DTLS'],
    ['stun:name.invalid', 'failed', /the name does not exist|no DNS server answers/],
  ])('the URL %s', async (url, verdict, found) => {
    expect(await examineUrl(url)).toMatchObject({
      verdict,
      found: expect.stringMatching(found),
      figures: { servers: [expect.objectContaining({ fault: expect.stringMatching(found) })] },
    });
  });

  it('a TURN URL without credentials', async () => {
    const servers = [{ urls: ['turn:127.0.0.1'], username: 'a' }];
    expect(await examine({ IceServers: { id: 1, ttl: 60, servers } })).toMatchObject({
      verdict: 'failed',
      found: 'turn:127.0.0.1: a TURN URL without username and credential',
    });
  });

  it.each([
    [7_200_000, 'behind'],
    [-7_200_000, 'ahead of'],
  ])('a clock that is %d ms off', async (by, how) => {
    const turnPort = await startTurn();
    class Off extends Clock {
      override now(): number {
        return super.now() + by;
      }
    }
    expect(await examineUrl(`turn:127.0.0.1:${turnPort}`, new Off())).toMatchObject({
      verdict: 'warning',
      found: expect.stringMatching(`^the clock of the server is 120 min ${how} the one here; turn:`),
      advice: expect.stringContaining('NTP'),
    });
  });
});

describe('a STUN or TURN server over UDP', () => {
  it('that is good', async () => {
    const port = await startTurn();
    const { verdict, found, figures } = await examineUrl(`turn:127.0.0.1:${port}`);
    expect([verdict, found]).toEqual([
      'ok',
      expect.stringMatching(
        /^turn:127\.0\.0\.1:\d+: relays at 127\.0\.0\.1:4660 over udp, in .*ms; peers whose network blocks UDP have no relay/,
      ),
    ]);
    const server = { transport: 'udp', address: '127.0.0.1', mapped: '127.0.0.1:4660', relayed: '127.0.0.1:4660' };
    expect(figures).toMatchObject({ ttl: 3600, servers: [server] });
    expect((await examineUrl(`stun:127.0.0.1:${port}`)).found).toContain(
      'sees this machine at 127.0.0.1:4660 over udp',
    );
  });

  it.each([
    ['stays silent', undefined, /no answer to a STUN Binding within 10 s$/, /open \d+\/udp/],
    [
      'talks garbage',
      () => Buffer.from('SSH-2.0'),
      /within 10 s, but \d+ packets that answer something else/,
      /Another/,
    ],
    ['sends 60 kB', () => Buffer.alloc(60_000), /within 10 s, but \d+ packets/, /Another service/],
    [
      'answers somebody else',
      (message: StunMessage) => answer({ ...message, transaction: Buffer.alloc(12) }, CLASS.success, []),
      /within 10 s, but \d+ packets/,
      /Another service/,
    ],
    [
      'answers with a request',
      (message: StunMessage) => answer(message, CLASS.request, []),
      /within 10 s, but \d+ packets/,
      /Another service/,
    ],
    [
      'gives no address',
      (m: StunMessage) => answer(m, CLASS.success, []),
      /a Binding without an address/,
      /no TURN server/,
    ],
    ['refuses without a code', (m: StunMessage) => answer(m, CLASS.error, []), /a refusal without a code/, /no TURN/],
    ['refuses', (message: StunMessage) => refusal(message, 500), /: it failed \(500\)/, /log/],
  ])('that %s', async (_what, odd, found, advice) => {
    const clock = new Clock();
    // The doctor reads what came before it asks again; then its time is over.
    let asked = 0;
    const port = await startUdp((packet, reply) => {
      asked += 1;
      if (odd !== undefined) reply(odd(readAsked(packet)));
      if (odd === undefined || asked === 2) clock.pass(TIMEOUT_MS);
    });
    expect(await examineUrl(`stun:127.0.0.1:${port}`, clock)).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(found),
      advice: expect.stringMatching(advice),
    });
  });

  it('that is not there', async () => {
    expect(await examineUrl(`stun:127.0.0.1:${await unusedUdpPort()}`)).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/refused: nothing listens there$/),
      advice: expect.stringContaining('publish the port'),
    });
  });

  it('that answers a Binding, and no Allocate', async () => {
    const clock = new Clock();
    const port = await startUdp((packet, reply) => {
      const message = readAsked(packet);
      if (isAllocate(message)) clock.pass(TIMEOUT_MS);
      else reply(answer(message, CLASS.success, [[ATTRIBUTE.xorMappedAddress, Buffer.of(0, 1, 0, 0, 0, 0, 0, 0)]]));
    });
    expect(await examineUrl(`turn:127.0.0.1:${port}`, clock)).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/answers over udp, but a STUN Binding is answered, but there is no answer/),
    });
  });

  it.each([
    [401, /refuses the credentials \(401\)/, /another secret than .*turn-secret-file.* clock/],
    [403, /forbids this \(403\)/, /denied-peer-ip/],
    [437, /437/, /NAT/],
    [441, /441/, /try again/],
    [442, /442/, /no-udp-relay/],
    [486, /the quota of this principal is used up \(486\)/, /user-quota/],
    [508, /no room \(508\)/, /min-port/],
    [599, /refused \(599\)/, /log/],
  ])('that answers credentials with %d', async (code, found, advice) => {
    const port = await startTurn((message) => (hasShown(message) ? challenge(message, code) : undefined));
    expect(await examineUrl(`turn:127.0.0.1:${port}`)).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(found),
      advice: expect.stringMatching(advice),
      figures: { servers: [expect.objectContaining({ code, mapped: '127.0.0.1:4660' })] },
    });
  });

  it.each([
    ['wants no credentials', (m: StunMessage) => allocation(m), 'warning', /relays for everybody, without credentials/],
    ['says nothing of its realm', (m: StunMessage) => refusal(m, 401), 'failed', /401 without realm and nonce/],
    [
      'sends its clients away',
      (m: StunMessage) => refusal(m, 300, [ATTRIBUTE.alternateServer, Buffer.of(0, 1, 0x0d, 0x96, 192, 0, 2, 7)]),
      'failed',
      /sends its clients to 192\.0\.2\.7 port 3478 \(300\)/,
    ],
    ['sends its clients nowhere', (m: StunMessage) => refusal(m, 300), 'failed', /to another server \(300\)/],
  ])('that %s', async (_what, odd, verdict, found) => {
    const port = await startTurn((message) => (isAllocate(message) ? odd(message) : undefined));
    expect(await examineUrl(`turn:127.0.0.1:${port}`)).toMatchObject({ verdict, found: expect.stringMatching(found) });
  });

  it.each([
    ['is not signed', (m: StunMessage) => allocation(m, undefined, Buffer.from('another')), /secret has not signed/],
    ['has no relay', (m: StunMessage) => allocation(m, []), /an allocation without a relayed address/],
    ['has a stale nonce twice', (m: StunMessage) => challenge(m, 438, 'new'), /its nonce is stale, twice \(438\)/],
  ])('whose answer %s', async (_what, odd, found) => {
    const port = await startTurn((message) => (isAllocate(message) && hasShown(message) ? odd(message) : undefined));
    expect(await examineUrl(`turn:127.0.0.1:${port}`)).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(found),
    });
  });

  it('whose nonce has become stale is asked again with the new one', async () => {
    const nonces: string[] = [];
    const port = await startTurn((message) => {
      if (!isAllocate(message) || !hasShown(message)) return undefined;
      return nonces.push(String(message.attributes.get(ATTRIBUTE.nonce))) === 1
        ? challenge(message, 438, 'new')
        : undefined;
    });
    expect((await examineUrl(`turn:127.0.0.1:${port}`)).verdict).toBe('ok');
    expect(nonces).toEqual(['nonce', 'new']);
  });

  it('whose quota the doctor itself has used up is asked again when its other probes are over', async () => {
    let allocated = 0;
    const port = await startTurn((message) => {
      if (!isAllocate(message) || !hasShown(message)) return undefined;
      allocated += 1;
      return allocated === 2 ? challenge(message, 486) : undefined;
    });
    const urls = [`turn:127.0.0.1:${port}`, `turn:127.0.0.1:${port}?transport=udp`];
    expect(await examine({ IceServers: { id: 1, ttl: 3600, servers: [{ urls, ...CREDENTIALS }] } })).toMatchObject({
      verdict: 'ok',
    });
    expect(allocated).toBe(3);
  });

  it('gets its allocation back', async () => {
    const refreshed: (Buffer | undefined)[] = [];
    const port = await startTurn((message) => {
      if (message.method === METHOD.refresh) refreshed.push(message.attributes.get(ATTRIBUTE.lifetime));
      return undefined;
    });
    await examineUrl(`turn:127.0.0.1:${port}`);
    expect(refreshed).toEqual([Buffer.alloc(4)]);
  });
});

describe('a STUN or TURN server over TCP and TLS', () => {
  const url = (port: number, scheme = 'turn'): string => `${scheme}:127.0.0.1:${port}?transport=tcp`;

  it.each([
    ['speaks HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', /the answer is not STUN/, /Another service/],
    [
      'begins a message of 64 kB',
      `\u0001\u0001\xFF\xFC!\u0012\xA4B${'x'.repeat(12)}`,
      /the answer is not STUN/,
      /Another/,
    ],
    ['hangs up', '', /cut without an answer/, /no STUN over tcp/],
  ])('that %s', async (_what, text, found, advice) => {
    const port = await startTcp((socket) => socket.on('data', () => socket.end(Buffer.from(text, 'latin1'))));
    expect(await examineUrl(url(port))).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(found),
      advice: expect.stringMatching(advice),
    });
  });

  it('that stays silent', async () => {
    const clock = new Clock();
    const port = await startTcp((socket) => socket.on('data', () => clock.pass(TIMEOUT_MS)));
    expect(await examineUrl(url(port), clock)).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/no answer to a STUN Binding within 10 s$/),
      advice: expect.stringMatching(/open \d+\/tcp/),
    });
  });

  it('that is not there', async () => {
    expect(await examineUrl(url(await unusedPort()))).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/refused: nothing listens there/),
    });
  });

  it('that sends one byte after the other', async () => {
    const port = await startTcp((socket) =>
      socket.on('data', (packet: Buffer) => {
        const reply = answer(readAsked(packet), CLASS.success, [[ATTRIBUTE.xorMappedAddress, Buffer.alloc(8, 1)]]);
        for (const byte of reply) socket.write(Buffer.of(byte));
      }),
    );
    // Both answers were read: the second one is good for a Binding alone.
    expect((await examineUrl(url(port))).found).toMatch(
      /answers over tcp, but an allocation without a relayed address/,
    );
  });

  it.each([
    ['has expired', { expiresIn: -3_600_000 }, 'localhost', /the certificate expired on/, /Renew it/],
    [
      'is for another name',
      { host: 'another.test' },
      'localhost',
      /is not for localhost but for another\.test/,
      /name/,
    ],
    ['is of an unknown authority', {}, 'localhost', /the chain ends at an authority|incomplete/, /--ca/],
  ])('whose certificate %s', async (_what, options, host, found, advice) => {
    const { server, intermediate, key, ca } = await makeChain(options);
    const port = await startTls(server + intermediate, key);
    const given = Object.keys(options).length === 0 ? undefined : ca;
    expect(await examineUrl(`turns:${host}:${port}`, undefined, given)).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(found),
      advice: expect.stringMatching(advice),
    });
  });

  it('that is no TLS', async () => {
    const port = await startTcp((socket) => socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect(await examineUrl(url(port, 'turns'))).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/the answer is not TLS/),
      advice: expect.stringContaining('cert and pkey'),
    });
  });
});

describe('several of them', () => {
  it('one that works and one that does not are a warning, which repeats no credential', async () => {
    const urls = [`turn:127.0.0.1:${await startTurn()}`, `turn:127.0.0.1:${await unusedUdpPort()}`];
    const entry = await examine({ IceServers: { id: 1, ttl: 3600, servers: [{ urls, ...CREDENTIALS }] } });
    expect(entry).toMatchObject({ verdict: 'warning', found: expect.stringMatching(/relays at .*; .*refused/) });
    expect(JSON.stringify(entry)).not.toContain(PASSWORD);
    expect(JSON.stringify(entry)).not.toContain(USERNAME);
  });

  it('no relay is a failure, though STUN answers', async () => {
    const port = await startTurn((message) => (hasShown(message) ? challenge(message) : undefined));
    const servers = [{ urls: [`stun:127.0.0.1:${port}`] }, { urls: [`turn:127.0.0.1:${port}`], ...CREDENTIALS }];
    expect((await examine({ IceServers: { id: 1, ttl: 3600, servers } })).verdict).toBe('failed');
  });

  it('no more than 32 URLs are tried', async () => {
    let asked = 0;
    const port = await startTurn(() => {
      asked += 1;
      return undefined;
    });
    const urls = Array.from({ length: 1000 }, () => `stun:127.0.0.1:${port}`);
    expect((await examine({ IceServers: { id: 1, ttl: 3600, servers: [{ urls }] } })).verdict).toBe('ok');
    expect(asked).toBe(32);
  });
});

it.each([
  ['192.0.2.1', '192.0.2.1', true, /^fine$/],
  ['192.0.2.1', '10.0.0.4', true, /of a private network/],
  ['192.0.2.1', '0.0.0.0', true, /of a private network/],
  ['2001:db8::1', 'fd00::1', true, /of a private network/],
  ['10.0.0.1', '10.0.0.1', true, /^fine$/],
  ['192.0.2.1', '192.0.2.1', false, /for everybody/],
])('a relay of the server at %s at %s', (server, address, authenticated, found) => {
  const caution = relayCaution(server, { relayed: { address, port: 1 }, authenticated });
  expect(caution?.found ?? 'fine').toMatch(found);
});
