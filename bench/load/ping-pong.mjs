import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { openPairs } from './pairs.mjs';

/**
 * Pairs that answer every message with a message, as fast as the server allows. Each pair has `inFlight` messages in
 * flight at any time. The figure is the server's CPU for one message, in and out.
 */
export async function pingPong(target, order) {
  let received = 0;
  let running = true;
  const pairs = await openPairs(target, order);
  for (const { connection, frame } of pairs.flat()) {
    connection.onMessage = () => {
      received += 1;
      if (running) connection.send(frame);
    };
  }
  for (const [{ connection, frame }] of pairs) {
    for (let i = 0; i < order.inFlight; i++) connection.send(frame);
  }
  await pause(order.warmUpMs);

  const before = { received, cpu: cpuMicroseconds(target.pids), at: performance.now() };
  await pause(order.runMs);
  const messages = received - before.received;
  const cpu = cpuMicroseconds(target.pids) - before.cpu;
  const seconds = (performance.now() - before.at) / 1000;
  running = false;
  if (messages < order.pairs) throw new Error(`only ${messages} messages arrived`);
  return { cpuMicroseconds: cpu / messages, perSecond: messages / seconds };
}
