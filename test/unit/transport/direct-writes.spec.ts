import { once } from 'node:events';
import { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DirectWrites } from '../../../src/transport/direct-writes.js';
import type { DirectWriter } from '../../../src/transport/direct-writes.js';
import { makeCertificates } from '../../support/certificates.js';
import type { Certificates } from '../../support/certificates.js';
import { socketPair } from '../../support/socket-pair.js';
import { until } from '../../support/until.js';

/** More than the system takes for a peer that does not read. */
const MUCH = 16 * 1024 * 1024;

/** Writes to a socket, and counts how often it was told that the system had taken the rest. */
class Side implements DirectWriter {
  told = 0;

  constructor(readonly socket: Socket) {}

  wrote(): void {
    this.told += 1;
  }
}

let direct: DirectWrites;
let certificates: Certificates;
const open: Socket[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());
beforeEach(() => {
  direct = new DirectWrites();
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** A writer for one end of a connection, and the other end. `all` resolves to what came, once it is that many bytes. */
async function pair(secure = false): Promise<{ side: Side; peer: Socket; all: (bytes: number) => Promise<string> }> {
  const [socket, peer] = await socketPair(secure ? certificates : undefined);
  open.push(socket, peer);
  for (const end of [socket, peer]) end.on('error', () => undefined);
  const pieces: Buffer[] = [];
  let came = 0;
  peer.on('data', (bytes: Buffer) => {
    pieces.push(bytes);
    came += bytes.length;
  });
  const all = async (bytes: number): Promise<string> => {
    await until(() => came >= bytes);
    return Buffer.concat(pieces).toString('latin1');
  };
  return { side: new Side(socket), peer, all };
}

/** The same after the first write, which is the stream's. */
async function pairThatWrites(): ReturnType<typeof pair> {
  const both = await pair();
  expect(direct.takes(both.side.socket)).toBe(false);
  both.side.socket.write(Buffer.from('first '));
  expect(direct.takes(both.side.socket)).toBe(true);
  return both;
}

describe('direct writes', () => {
  it('R5: on this Node, writes reach the peer in order with those of the stream', async () => {
    const { side, all } = await pairThatWrites();
    let sent = 'first ';
    for (let i = 0; i < 200; i++) {
      expect(direct.write(side, Buffer.from(`${i} `))).toBe(true);
      side.socket.write(`and ${i} `);
      sent += `${i} and ${i} `;
    }
    expect(await all(sent.length)).toBe(sent);
    expect(side.told).toBe(0);
  });

  it('R5: what the system did not take follows, and what the stream writes comes behind it', async () => {
    const { side, peer, all } = await pairThatWrites();
    peer.pause();
    expect(direct.write(side, Buffer.alloc(MUCH, 'x'))).toBe(false);
    side.socket.write(Buffer.from('behind'));
    expect(direct.takes(side.socket)).toBe(false);
    expect(side.told).toBe(0);
    peer.resume();
    const sent = `first ${'x'.repeat(MUCH)}behind`;
    expect((await all(sent.length)) === sent).toBe(true);
    expect(side.told).toBe(1);
  });

  it('R5: the end of the stream comes behind what was written directly', async () => {
    const { side, peer, all } = await pairThatWrites();
    peer.pause();
    direct.write(side, Buffer.alloc(MUCH, 'x'));
    side.socket.end('bye');
    const ended = once(peer, 'end');
    peer.resume();
    await ended;
    const sent = `first ${'x'.repeat(MUCH)}bye`;
    expect((await all(sent.length)) === sent).toBe(true);
  });

  it('L2: several peers that lag are each told, and only once', async () => {
    const first = await pairThatWrites();
    const second = await pair();
    expect(direct.takes(second.side.socket)).toBe(true);
    for (const { side, peer } of [first, second]) {
      peer.pause();
      expect(direct.write(side, Buffer.alloc(MUCH))).toBe(false);
    }
    first.peer.resume();
    await until(() => first.side.told === 1);
    expect(second.side.told).toBe(0);
    second.peer.resume();
    await until(() => second.side.told === 1);
    expect(first.side.told).toBe(1);
  });

  it('a peer that goes while something waits for it: the socket closes, and the writer is told', async () => {
    const { side, peer } = await pairThatWrites();
    peer.pause();
    direct.write(side, Buffer.alloc(MUCH));
    peer.resetAndDestroy();
    await until(() => side.socket.closed);
    await until(() => side.told === 1);
    expect(direct.takes(side.socket)).toBe(false);
  });

  it('a socket that is destroyed while something waits: the writer is told', async () => {
    const { side, peer } = await pairThatWrites();
    peer.pause();
    direct.write(side, Buffer.alloc(MUCH));
    side.socket.destroy();
    expect(side.told).toBe(0);
    await until(() => side.told > 0);
    expect(side.told).toBe(1);
  });

  it('a write that fails immediately destroys the socket', async () => {
    const { side, peer } = await pairThatWrites();
    // The socket is not read, so only writing shows the reset.
    side.socket.pause();
    peer.resetAndDestroy();
    await once(peer, 'close');
    expect(side.socket.destroyed).toBe(false);
    await until(
      () => side.socket.closed,
      () => {
        if (direct.takes(side.socket)) direct.write(side, Buffer.from('x'));
      },
    );
    expect(side.told).toBe(0);
  });

  it('R5: TLS, other streams and sockets without those internals are left to their streams', async () => {
    await pairThatWrites();
    const { side } = await pair(true);
    expect(direct.takes(side.socket)).toBe(false);
    expect(direct.takes(new PassThrough())).toBe(false);
  });

  it.each([
    ['given the object for a write', false],
    ['asked for the object', true],
  ])('R5: an object that Node has used is not used again, though nothing waits, where Node is %s', (_how, asked) => {
    // Node tries twice. Where the system takes the rest the second time, the write is over and its object is not.
    const handle = new TryingTwice(asked);
    const side = new Side(Object.assign(new Socket(), { _handle: handle }));
    expect(direct.takes(side.socket)).toBe(false);
    handle.writeBuffer(asked ? null : new Request(), Buffer.from('the first'));
    expect(direct.takes(side.socket)).toBe(true);

    expect(direct.write(side, Buffer.from('whole'))).toBe(true);
    handle.twice = true;
    expect(direct.write(side, Buffer.from('in two parts'))).toBe(false);
    expect(direct.write(side, Buffer.from('in two parts'))).toBe(false);
    handle.twice = false;
    expect(direct.write(side, Buffer.from('whole'))).toBe(true);
    expect(side.told).toBe(0);
    for (const request of handle.kept) request.oncomplete!(0);
    expect(side.told).toBe(2);
  });
});

/** Node's object for a write. */
class Request {
  used = false;
  oncomplete?: (status: number) => void;

  getAsyncId(): number {
    return this.used ? 7 : -1;
  }
}

/** A handle of a socket of which the system takes everything, at the second try if `twice`. */
class TryingTwice {
  twice = false;
  readonly kept: Request[] = [];

  constructor(private readonly makes: boolean) {}

  writeBuffer(given: Request | null, _bytes: Buffer): number | Request {
    // Node ends the process.
    if (given?.used === true) throw new Error('an object is used twice');
    if (!this.twice) return 0;
    const request = this.makes ? new Request() : given!;
    request.used = true;
    this.kept.push(request);
    return this.makes ? request : 0;
  }
}
