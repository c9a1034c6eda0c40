import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { percentile } from '../statistics.mjs';
import { openPairs } from './pairs.mjs';

const TICK_MS = 1;
/** Longest time to wait for the last messages. */
const LATE_MS = 2000;

/**
 * Messages at a steady rate, dealt to the pairs in turn, whether or not the server keeps up. The figures are the
 * server's CPU per message, and the time from the send to the read by the other peer.
 */
export async function paced(target, order) {
  const pairs = await openPairs(target, order);
  const senders = pairs.map(([from, to]) => timedSender(from, to));
  await send(senders, order.rate, order.warmUpMs);
  for (const sender of senders) sender.latencies.length = 0;

  const cpuBefore = cpuMicroseconds(target.pids);
  const sent = await send(senders, order.rate, order.runMs);
  const cpu = cpuMicroseconds(target.pids) - cpuBefore;
  const latencies = senders.flatMap((sender) => sender.latencies).toSorted((a, b) => a - b);
  if (latencies.length !== sent) throw new Error(`${sent} messages were sent, but ${latencies.length} arrived`);
  return {
    cpuMicroseconds: cpu / sent,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: latencies.at(-1),
  };
}

/**
 * Sends messages, and records the latency of each in milliseconds. A topic keeps the order, so an arriving message is
 * the oldest in flight.
 */
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

/** Sends for a given time. Resolves to the number of messages when all have arrived. */
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
