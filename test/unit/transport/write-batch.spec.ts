import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { binaryFrame } from '../../../src/protocol/websocket-frame.js';
import { Outlet } from '../../../src/transport/outlet.js';
import { WriteBatch } from '../../../src/transport/write-batch.js';
import { makeCertificates } from '../../support/certificates.js';
import type { Certificates } from '../../support/certificates.js';
import { socketPair } from '../../support/socket-pair.js';
import { turn } from '../../support/turn.js';
import { until } from '../../support/until.js';

const PEERS = 3;
/** More rounds than the system takes bytes for a peer that does not read. */
const ROUNDS = 600;

/** A socket of the server, what was sent to it, and what its peer has read. */
class Side {
  readonly sent: Buffer[] = [];
  readonly read: Buffer[] = [];
  bytesRead = 0;
  bytesSent = 0;
  waiting = 0;
  readonly open = true;
  readonly outlet: Outlet;

  constructor(
    readonly socket: Socket,
    readonly peer: Socket,
  ) {
    this.outlet = new Outlet(socket, this);
    peer.on('data', (bytes: Buffer) => {
      this.read.push(bytes);
      this.bytesRead += bytes.length;
    });
  }

  lags(bytes: number): void {
    this.waiting = bytes;
  }

  /** Notes what is sent. Copies it, since memory is used again. */
  note(frame: Buffer): Buffer {
    this.sent.push(Buffer.from(frame));
    this.bytesSent += frame.length;
    return frame;
  }
}

let certificates: Certificates;
const sockets: Socket[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function open(secure: boolean): Promise<Side> {
  const [socket, peer] = await socketPair(secure ? certificates : undefined);
  socket.setNoDelay();
  sockets.push(socket, peer);
  return new Side(socket, peer);
}

describe('write batch', () => {
  it.each([
    ['TCP', false],
    ['TLS', true],
  ])(
    'R5: however frames are sent over %s, to peers that read and to one that does not, each byte leaves once and in order',
    async (_kind, secure) => {
      const step = fc.record({
        to: fc.nat(PEERS - 1),
        how: fc.constantFrom('write', 'read', 'now', 'now', 'stream', 'turn'),
        size: fc.oneof(
          fc.integer({ min: 1, max: 1500 }),
          fc.integer({ min: 4000, max: 20_000 }),
          fc.integer({ min: 20_000, max: 69_000 }),
        ),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
          const batch = new WriteBatch();
          const sides: Side[] = [];
          while (sides.length < PEERS) sides.push(await open(secure));
          sides[0].peer.pause();
          let fill = 0;
          const frame = (size: number, memory?: Buffer): Buffer =>
            binaryFrame(Buffer.alloc(size, (fill += 1)), 0, memory);
          let more = 4;
          for (let round = 0; round < ROUNDS && more > 0; round++) {
            if (sides[0].waiting > 0) more -= 1;
            for (const { to, how, size } of steps) {
              const side = sides[to];
              const write = (): void => batch.write(side.outlet, side.note(frame(size)));
              if (how === 'write') write();
              else if (how === 'read') {
                batch.during({ read: (times) => Array.from({ length: times }, write) }, 3);
              } else if (how === 'now') {
                const now = batch.writeNow(side.outlet, size + 10, (memory) => side.note(frame(size, memory)));
                if (now === undefined) write();
              } else if (how === 'stream') {
                batch.flushAll(side.outlet);
                side.socket.write(side.note(Buffer.from('close')));
              } else await turn();
            }
            await turn();
          }
          sides[0].peer.resume();
          for (const side of sides) {
            await until(() => side.bytesRead >= side.bytesSent && side.waiting === 0);
            expect(Buffer.concat(side.read).equals(Buffer.concat(side.sent))).toBe(true);
          }
        }),
        { numRuns: 5, endOnFailure: true },
      );
    },
  );

  it('L2: frames with gaps between them leave before many pieces are held', async () => {
    const batch = new WriteBatch();
    const side = await open(false);
    const memory = Buffer.alloc(4096, 'x');
    let most = 0;
    batch.during(
      {
        read: () => {
          for (let at = 0; at < memory.length; at += 2) {
            batch.write(side.outlet, side.note(memory.subarray(at, at + 1)));
            most = Math.max(most, side.outlet.unflushed);
          }
        },
      },
      0,
    );
    expect(most).toBeLessThan(100);
    await until(() => side.bytesRead >= side.bytesSent);
    expect(Buffer.concat(side.read).equals(Buffer.concat(side.sent))).toBe(true);
  });
});
