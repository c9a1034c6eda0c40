import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 50;

/**
 * Pairs in which one sends and the other, at the node whose `far` port is given, receives: `inFlight` messages of each are under way at
 * any time. The figures are the CPU of either node for one message; of the one node when both are the same.
 */
export async function across(target, { far, pairs, payloadBytes, inFlight, warmUpMs, runMs }) {
  let received = 0;
  let running = true;
  const starts = await many(pairs, SIDE, async () => {
    const topic = newTopic();
    const to = await Connection.open({ ...target, port: far.port });
    to.subscribe(topic);
    await to.sync();
    const from = await Connection.open(target);
    const frame = from.relayFrame(topic, randomBytes(payloadBytes));
    to.onMessage = () => {
      received += 1;
      if (running) from.send(frame);
    };
    return () => from.send(frame);
  });
  for (const start of starts) for (let i = 0; i < inFlight; i++) start();
  await pause(warmUpMs);

  const usage = () => ({ received, near: cpuMicroseconds(target.pid), far: cpuMicroseconds(far.pid) });
  const before = usage();
  await pause(runMs);
  const after = usage();
  running = false;
  const messages = after.received - before.received;
  if (messages < pairs) throw new Error(`only ${messages} messages went through`);
  return {
    sender: (after.near - before.near) / messages,
    receiver: (after.far - before.far) / messages,
    perSecond: (messages * 1000) / runMs,
  };
}
