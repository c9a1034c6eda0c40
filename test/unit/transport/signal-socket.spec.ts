import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as ws from 'ws';
import { reasonFor } from '../../../src/protocol/close-codes.js';
import { SignalSocket } from '../../../src/transport/signal-socket.js';
import { clientFrame } from '../../support/client-frame.js';
import { turn } from '../../support/turn.js';
import { until } from '../../support/until.js';

const CLOSE = 0x88;
const MASK = [0x12, 0x34, 0x56, 0x78];

/** What is left to end. */
const opened: SignalSocket[] = [];

/** A WebSocket, what its peer was sent, and how it ended. */
function open(mostClosing = 60_000): Side {
  const [ours, theirs] = duplexPair();
  const side: Side = {
    theirs,
    sent: '',
    flushed: 0,
    ended: undefined,
    write: (bytes) => ours.write(bytes),
    socket: new SignalSocket(
      ours,
      {
        flush: () => (side.flushed += 1),
        ended: (own, ofPeer) => (side.ended = [own, ofPeer]),
      },
      mostClosing,
    ),
  };
  opened.push(side.socket);
  ours.resume();
  theirs.on('data', (bytes: Buffer) => (side.sent += bytes.toString('hex')));
  theirs.on('end', () => (side.sent += ' end'));
  return side;
}

interface Side {
  readonly theirs: Duplex;
  readonly socket: SignalSocket;
  /** Writes what the peer is sent besides. */
  readonly write: (bytes: Buffer) => void;
  sent: string;
  flushed: number;
  ended: [own: number | undefined, ofPeer: number] | undefined;
}

/** The content of a close frame. */
function content(code: number, reason: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason as string)]);
}

/** The close frame that a server sends. */
function frame(code: number, reason: string | Buffer): string {
  const bytes = content(code, reason);
  return Buffer.concat([Buffer.from([CLOSE, bytes.length]), bytes]).toString('hex');
}

/** The answer to a good close frame: its own code and reason, where it has them. */
function answerTo(code: number, reason: Buffer): string {
  return frame(code === 1005 ? 1000 : code, reason.length > 0 ? reason : "closed at the peer's request");
}

/** What `ws` makes of a close frame: the code and reason that came, or the code of the fault. */
async function readByWs(wire: Buffer): Promise<{ code: number; reason?: Buffer }> {
  const Reading = (ws as unknown as { Receiver: new (options: object) => NodeJS.WritableStream }).Receiver;
  const receiver = new Reading({ isServer: true });
  let heard: { code: number; reason?: Buffer } | undefined;
  receiver.on('conclude', (code: number, reason: Buffer) => (heard = { code, reason }));
  receiver.on('error', (error: object) => {
    const status = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code')!;
    heard = { code: (error as Record<symbol, number>)[status] };
  });
  // It unmasks in place.
  receiver.write(Buffer.from(wire));
  await turn();
  return heard!;
}

describe('a WebSocket that closes', () => {
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.terminate();
  });

  const text = fc.string({ maxLength: 30, unit: 'binary' }).map((one) => Buffer.from(one));
  const reason = fc.oneof(
    text,
    fc.uint8Array({ maxLength: 123 }).map((bytes) => Buffer.from(bytes)),
  );
  const code = fc.oneof(fc.integer({ min: 995, max: 1020 }), fc.integer({ min: 2995, max: 5005 }), fc.nat(65_535));
  const anything = fc.oneof(
    { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
    { weight: 9, arbitrary: fc.tuple(code, reason).map((both) => content(...both)) },
  );

  it('judges the close frame of a peer as `ws` does, and answers it once', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (bytes) => {
        const wire = clientFrame(CLOSE, bytes, MASK);
        const heard = await readByWs(wire);
        const side = open();
        side.socket.answerClose(wire);
        expect(side.socket.open).toBe(false);
        side.theirs.end();
        await until(() => side.ended !== undefined && side.sent.endsWith('end'));
        expect([side.sent, side.ended]).toEqual(
          heard.reason === undefined
            ? [`${frame(heard.code, reasonFor(heard.code))} end`, [heard.code, 1006]]
            : [`${answerTo(heard.code, heard.reason)} end`, [undefined, heard.code]],
        );
      }),
      { numRuns: 300 },
    );
  });

  it('ends when the peer has answered, and says who began', async () => {
    const side = open();
    side.socket.dismiss({ code: 4009, text: 'too late' }, true);
    await turn();
    expect(side.sent).toBe(frame(4009, 'too late'));
    side.socket.answerClose(clientFrame(CLOSE, content(4009), MASK));
    side.theirs.end();
    await until(() => side.ended !== undefined);
    expect(side.ended).toEqual([4009, 4009]);
    expect(side.sent).toBe(`${frame(4009, 'too late')} end`);
  });

  it('writes what was sent before each close frame, and no second close frame', async () => {
    const side = open();
    side.socket.dismiss({ code: 1001, text: 'restart' }, false);
    expect(side.flushed).toBe(1);
    side.socket.dismiss({ code: 1008, text: 'too fast' }, true);
    await turn();
    expect(side.sent).toBe(frame(1001, 'restart'));
  });

  it('waits for no answer after a fault', async () => {
    const side = open();
    side.socket.fail({ code: 1002, text: 'broken' });
    await until(() => side.sent.endsWith('end'));
    expect(side.sent).toBe(`${frame(1002, 'broken')} end`);
  });

  it('is cut where the peer does not answer', async () => {
    const side = open(20);
    side.socket.dismiss({ code: 1001, text: 'restart' }, false);
    await until(() => side.ended !== undefined);
    expect(side.ended).toEqual([1001, 1006]);
  });

  it('is over without a close frame where the peer just ends', async () => {
    const side = open();
    side.theirs.end();
    await until(() => side.ended !== undefined);
    expect(side.sent).toBe(' end');
    expect(side.ended).toEqual([undefined, 1006]);
    // None of these may throw, or say anything more.
    side.socket.dismiss({ code: 1001, text: 'restart' }, true);
    side.socket.pause();
    side.socket.resume();
    side.socket.terminate();
    expect(side.ended).toEqual([undefined, 1006]);
  });

  it('is cut in the end where the peer says no more, and does not read what waits for it', async () => {
    const side = open(50);
    side.theirs.pause();
    await turn();
    side.write(Buffer.alloc(1024 * 1024));
    side.theirs.end();
    await until(() => side.ended !== undefined);
    expect([side.ended, side.sent]).toEqual([[undefined, 1006], '']);
  });
});
