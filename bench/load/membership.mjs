import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 50;

/**
 * Members that leave their topics and join them again. Over cairn-signal.v2 all members look, so the server tells each
 * of the others; over v1 they only unsubscribe and subscribe. The figure is the server's CPU for one such cycle. They are
 * dealt out over time, since news of a topic is told at most once in 250 ms.
 */
export async function membership(target, { topics, members, rate, warmUpMs, runMs }) {
  const all = (
    await many(topics, SIDE, async () => {
      const topic = newTopic();
      return many(members, members, async () => {
        const connection = await Connection.open(target);
        connection.join(topic);
        await connection.sync();
        return () => {
          connection.leave(topic);
          connection.join(topic);
        };
      });
    })
  ).flat();
  await comeAndGo(all, rate, warmUpMs);

  const cpuBefore = cpuMicroseconds(target.pids);
  const cycles = await comeAndGo(all, rate, runMs);
  return { cpuMicroseconds: (cpuMicroseconds(target.pids) - cpuBefore) / cycles };
}

/** Lets members leave and join in turn, for a given time. Resolves to how many did. */
async function comeAndGo(all, rate, milliseconds) {
  const began = performance.now();
  let cycles = 0;
  for (let passed = 0; passed < milliseconds; passed = performance.now() - began) {
    for (; cycles < (passed / 1000) * rate; cycles++) all[cycles % all.length]();
    await pause(1);
  }
  return cycles;
}
