import { randomBytes } from 'node:crypto';
import { cpuMicroseconds } from '../process-usage.mjs';
import { percentile } from '../statistics.mjs';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 50;

/**
 * One sender and many subscribers. The next message goes out when all have the last one. The figures are the server's
 * CPU per delivery, and the time until all subscribers have a message.
 */
export async function fanOut(target, { subscribers, member = false, warmUp, messages, payloadBytes }) {
  const topic = newTopic();
  let missing = 0;
  let delivered;
  await many(subscribers, SIDE, async () => {
    const connection = await Connection.open(target);
    connection.subscribe(topic);
    connection.onMessage = () => {
      missing -= 1;
      if (missing === 0) delivered();
    };
    await connection.sync();
  });
  const sender = await Connection.open(target);
  // Only what a member sends says who it is from.
  if (member) sender.subscribe(topic);
  const frame = sender.relayFrame(topic, randomBytes(payloadBytes));

  async function sendTimes(count) {
    const latencies = [];
    for (let i = 0; i < count; i++) {
      const began = performance.now();
      missing = subscribers;
      await new Promise((resolve) => {
        delivered = resolve;
        sender.send(frame);
      });
      latencies.push(performance.now() - began);
    }
    return latencies.toSorted((a, b) => a - b);
  }

  await sendTimes(warmUp);
  const cpuBefore = cpuMicroseconds(target.pids);
  const latencies = await sendTimes(messages);
  const cpu = cpuMicroseconds(target.pids) - cpuBefore;
  return {
    cpuMicroseconds: cpu / (messages * subscribers),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}
