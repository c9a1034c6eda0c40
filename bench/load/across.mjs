import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 50;

/**
 * Pairs of a sender on the target and a receiver on the node `far`. Each pair has `inFlight` messages in flight at any
 * time. The figures are the CPU of each node per message. They are equal when both are the same node.
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

  const usage = () => ({ received, near: cpuMicroseconds(target.pids), far: cpuMicroseconds(far.pids) });
  const before = usage();
  await pause(runMs);
  const after = usage();
  running = false;
  const messages = after.received - before.received;
  if (messages < pairs) throw new Error(`only ${messages} messages arrived`);
  return {
    sender: (after.near - before.near) / messages,
    receiver: (after.far - before.far) / messages,
    perSecond: (messages * 1000) / runMs,
  };
}
