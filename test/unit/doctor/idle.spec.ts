import { afterEach, describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { diagnose } from '../../support/diagnosis.js';
import { HeldClock } from '../../support/held-clock.js';
import { startWebSockets, stopOddServers } from '../../support/odd-servers.js';

afterEach(stopOddServers);

const IDLE_MS = 120_000;

/**
 * Calls `happen` with the server's end of the connection once the doctor waits. `said` collects what the doctor sent on
 * it.
 */
async function examine(happen: (socket: WebSocket, clock: HeldClock) => void) {
  const clock = new HeldClock();
  const waiting = clock.begunToSleep(IDLE_MS);
  const said: string[] = [];
  let last!: WebSocket;
  const port = await startWebSockets((socket) => {
    last = socket;
    for (const event of ['message', 'ping']) socket.on(event, () => said.push(event));
  });
  const diagnosed = diagnose(`ws://127.0.0.1:${port}`, {
    clock,
    idle: IDLE_MS,
    only: ['dns', 'tcp', 'tls', 'upgrade', 'auth', 'idle'],
  });
  await waiting;
  happen(last, clock);
  const { idle } = await diagnosed;
  return { idle, said };
}

/** Pings every `every` milliseconds, `times` times, with each ping answered before the next. Then calls `then`. */
function pingEvery(socket: WebSocket, clock: HeldClock, every: number, times: number, then: () => void): void {
  let pongs = 0;
  const next = (): void => {
    if (pongs === times) return then();
    clock.pass(every);
    socket.ping();
  };
  socket.on('pong', () => {
    pongs += 1;
    next();
  });
  next();
}

describe('an idle connection', () => {
  it('is cut by a proxy: after how long, how, and what to raise', async () => {
    const { idle } = await examine((socket, clock) => {
      clock.pass(60_000);
      socket.terminate();
    });
    expect(idle).toMatchObject({
      verdict: 'failed',
      found: 'cut without a close frame (1006) after 60 s of silence',
      advice: expect.stringContaining('proxy_read_timeout'),
      figures: { lastedMilliseconds: 60_000, cut: true, code: 1006, pings: 0 },
    });
  });

  it('is closed with a reason', async () => {
    const { idle } = await examine((socket) => socket.close(1001, 'idle'));
    expect(idle).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/^closed with 1001: idle after /),
      figures: { code: 1001, reason: 'idle' },
    });
  });

  it.each([1001, 1012])('is closed by a restart with %d, which is no fault', async (code) => {
    const { idle } = await examine((socket) => socket.close(code, 'restart; retry in 3 s'));
    expect(idle).toMatchObject({ verdict: 'warning', advice: expect.stringContaining('restarting') });
  });

  it("is kept alive by the server's pings", async () => {
    const { idle, said } = await examine((socket, clock) =>
      pingEvery(socket, clock, 25_000, 4, () => clock.pass(20_000)),
    );
    expect(idle).toEqual({
      name: 'idle',
      verdict: 'ok',
      found: "kept alive for 2 min by the server's pings, every 25 s",
      figures: { lastedMilliseconds: 120_000, cut: false, pings: 4, pingIntervalMilliseconds: 25_000 },
    });
    expect(said).toEqual([]);
  });

  it('is cut despite pings', async () => {
    const { idle } = await examine((socket, clock) =>
      pingEvery(socket, clock, 25_000, 1, () => socket.close(4009, 'no pong within 20 s')),
    );
    expect(idle).toMatchObject({
      verdict: 'failed',
      found: 'closed with 4009: no pong within 20 s after 25 s of silence, despite pings every 25 s',
      advice: expect.stringContaining('control frames'),
    });
  });

  it('lasts without a ping from either side', async () => {
    const { idle, said } = await examine((_socket, clock) => clock.pass(IDLE_MS));
    expect(idle).toMatchObject({
      verdict: 'ok',
      found: 'a silent connection lasts 2 min, without a ping from the server',
    });
    expect(said).toEqual([]);
  });
});
