import { afterEach, describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { encodeMessage } from '../../../src/protocol/message.js';
import { readMessage } from '../../../src/protocol/strict-reader.js';
import { diagnose } from '../../support/diagnosis.js';
import { HeldClock } from '../../support/held-clock.js';
import { startReference, startWebSockets, stopOddServers } from '../../support/odd-servers.js';

afterEach(stopOddServers);

const ONLY = ['dns', 'tcp', 'tls', 'upgrade', 'auth', 'cbor', 'size'];

/** A relay between all connections that decides what to do with a message by its size. */
function startRelay(
  judge: (size: number, socket: WebSocket) => 'pass' | 'drop' | 'closed',
  admit: () => boolean = () => true,
): Promise<number> {
  const sockets = new Set<WebSocket>();
  return startWebSockets(
    (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('message', (data: Buffer) => {
        const message = readMessage(data);
        if (message?.kind !== 'Relay' || judge(data.length, socket) !== 'pass') return;
        for (const other of sockets) if (other !== socket) other.send(encodeMessage(message));
      });
    },
    { verifyClient: (_info, decide) => decide(admit(), 503) },
  );
}

describe('the largest message that passes', () => {
  // 346 to 349: where the head of the payload grows by two bytes, so that one of these sizes has no canonical message.
  it.each([200, 346, 347, 348, 349, 1000, 1024, 5000, 65_535])(
    '%d bytes: found to the byte, with a warning',
    async (limit) => {
      const { size } = await diagnose(`ws://127.0.0.1:${await startReference({ maxPayload: limit })}`, { only: ONLY });
      expect(size).toMatchObject({
        verdict: 'warning',
        found: `messages pass up to ${limit.toLocaleString('en-US')} bytes; beyond: closed with 1009`,
        advice: expect.stringContaining('max-message-bytes'),
        figures: { bytes: limit, exact: true },
      });
    },
  );

  it.each([65_536, 65_630, 100_000])('%d bytes are enough', async (limit) => {
    const { size } = await diagnose(`ws://127.0.0.1:${await startReference({ maxPayload: limit })}`, { only: ONLY });
    expect(size).toMatchObject({ verdict: 'ok', figures: { bytes: limit, exact: true } });
  });

  it('is found immediately if the reason names it', async () => {
    let closes = 0;
    const port = await startRelay((size, socket) => {
      if (size <= 77_777) return 'pass';
      closes += 1;
      socket.close(1009, 'message over 77777 bytes');
      return 'closed';
    });
    const { size } = await diagnose(`ws://127.0.0.1:${port}`, { only: ONLY });
    expect([size.figures, closes]).toEqual([
      { bytes: 77_777, exact: true, beyond: 'closed with 1009: message over 77777 bytes' },
      2,
    ]);
  });

  it('is found if the reason names another figure', async () => {
    const port = await startRelay((size, socket) => {
      if (size <= 77_777) return 'pass';
      socket.close(1009, 'message over 99999 bytes');
      return 'closed';
    });
    const { size } = await diagnose(`ws://127.0.0.1:${port}`, { only: ONLY });
    expect(size.figures).toMatchObject({ bytes: 77_777, exact: true });
  });

  it('a connection that is cut rather than closed', async () => {
    const port = await startRelay((size, socket) => {
      if (size <= 3000) return 'pass';
      socket.terminate();
      return 'closed';
    });
    const { size } = await diagnose(`ws://127.0.0.1:${port}`, { only: ONLY });
    expect(size).toMatchObject({
      verdict: 'warning',
      found: 'messages pass up to 3,000 bytes; beyond: cut without a close frame (1006)',
    });
  });

  it('messages that vanish are too large', async () => {
    const clock = new HeldClock();
    const port = await startRelay((size) => {
      if (size <= 16_384) return 'pass';
      clock.pass(10_000);
      return 'drop';
    });
    const { size } = await diagnose(`ws://127.0.0.1:${port}`, { clock, timeout: 10_000, only: ONLY });
    expect(size).toMatchObject({
      verdict: 'warning',
      found: 'messages pass up to 16,384 bytes; beyond: not delivered within 10 s',
    });
  });

  it('is estimated if no more connections are allowed', async () => {
    let closes = 0;
    const port = await startRelay(
      (size, socket) => {
        if (size <= 3000) return 'pass';
        closes += 1;
        socket.close(1009);
        return 'closed';
      },
      // Two messages were too large: 4,096 bytes and 1,025 pass or not, then a third connection would be needed.
      () => closes < 2,
    );
    const { size } = await diagnose(`ws://127.0.0.1:${port}`, { only: ONLY });
    expect(size).toMatchObject({
      verdict: 'warning',
      found: expect.stringMatching(
        /^messages pass between [\d,]+ bytes and [\d,]+ bytes \(not measured more exactly: a further connection was refused with 503\); beyond: closed with 1009$/,
      ),
      figures: { exact: false },
    });
  });
});
