import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds, residentBytes } from '../process-usage.mjs';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 200;

/** Connections that subscribe to one topic each and then say nothing. What they cost the server: CPU to arrive, memory to stay. */
export async function arrivals(target, { connections, warmUp, settleMs }) {
  await arrive(target, warmUp);
  await pause(settleMs);

  const bytesBefore = residentBytes(target.pid);
  const cpuBefore = cpuMicroseconds(target.pid);
  await arrive(target, connections);
  const cpu = cpuMicroseconds(target.pid) - cpuBefore;
  await pause(settleMs);
  return { cpuMicroseconds: cpu / connections, bytes: (residentBytes(target.pid) - bytesBefore) / connections };
}

/** Opens connections with a topic each; `localAddresses` are taken in turn. */
export async function arrive(target, count, localAddresses = [undefined]) {
  let last;
  await many(count, SIDE, async (i) => {
    last = await Connection.open({ ...target, localAddress: localAddresses[i % localAddresses.length] });
    last.subscribe(newTopic());
  });
  // One answer tells that the others have been heard too, give or take a turn of the server's loop; asking all would be measured.
  await last?.sync();
}
