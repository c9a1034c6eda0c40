import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { percentile } from '../statistics.mjs';
import { openPairs } from './pairs.mjs';

const TICK_MS = 1;
/** How long the last messages may be under way. */
const LATE_MS = 2000;

/**
 * One message after the other at a steady rate, dealt to the pairs in turn, whether or not the server keeps up.
 * The figures are the server's CPU a message and how long messages take from the send to the other peer's read.
 */
export async function paced(target, order) {
  const pairs = await openPairs(target, order);
  const senders = pairs.map(([from, to]) => timedSender(from, to));
  await send(senders, order.rate, order.warmUpMs);
  for (const sender of senders) sender.latencies.length = 0;

  const cpuBefore = cpuMicroseconds(target.pid);
  const sent = await send(senders, order.rate, order.runMs);
  const cpu = cpuMicroseconds(target.pid) - cpuBefore;
  const latencies = senders.flatMap((sender) => sender.latencies).toSorted((a, b) => a - b);
  if (latencies.length !== sent) throw new Error(`${sent} messages were sent and ${latencies.length} came`);
  return {
    cpuMicroseconds: cpu / sent,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: latencies.at(-1),
  };
}

/** Sends, and notes in milliseconds how long each message took. A topic keeps the order, so the oldest under way is the one that came. */
function timedSender(from, to) {
  const underWay = [];
  const latencies = [];
  to.connection.onMessage = () => latencies.push(performance.now() - underWay.shift());
  const next = () => {
    underWay.push(performance.now());
    from.connection.send(from.frame);
  };
  return { underWay, latencies, next };
}

/** Sends for a time, and resolves to how many it were once all have come. */
async function send(senders, rate, milliseconds) {
  const began = performance.now();
  const count = Math.round((rate * milliseconds) / 1000);
  let sent = 0;
  while (sent < count) {
    const due = Math.min(count, ((performance.now() - began) / 1000) * rate);
    while (sent < due) senders[sent++ % senders.length].next();
    await pause(TICK_MS);
  }
  const deadline = performance.now() + LATE_MS;
  while (senders.some(({ underWay }) => underWay.length > 0) && performance.now() < deadline) await pause(TICK_MS);
  return sent;
}
