import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const TOPICS_PER_CONNECTION = 200;
const SIDE = 20;
/** Time between Subscribe and cut: long enough for the server to handle them separately. */
const STAY_MS = 2;
/** Time for the server to handle the last cuts. */
const SETTLE_MS = 300;

/**
 * Connections that come, subscribe and are cut, while others hold many topics. The figure is the server's CPU for one
 * such cycle. It must not depend on how many topics the others hold.
 */
export async function churn(target, { topics, warmUp, cycles }) {
  await many(Math.ceil(topics / TOPICS_PER_CONNECTION), SIDE, async () => {
    const holder = await Connection.open(target);
    for (let i = 0; i < TOPICS_PER_CONNECTION; i++) holder.subscribe(newTopic());
    await holder.sync();
  });
  await comeAndGo(target, warmUp);

  const cpuBefore = cpuMicroseconds(target.pids);
  await comeAndGo(target, cycles);
  return { cpuMicroseconds: (cpuMicroseconds(target.pids) - cpuBefore) / cycles };
}

async function comeAndGo(target, cycles) {
  await many(cycles, SIDE, async () => {
    const connection = await Connection.open(target);
    connection.subscribe(newTopic());
    await pause(STAY_MS);
    connection.cut();
  });
  await pause(SETTLE_MS);
}
