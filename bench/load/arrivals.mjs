import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds, residentBytes } from '../process-usage.mjs';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 200;

/**
 * Connections that subscribe to one topic each and then stay silent. The figures are the server's CPU for an arrival,
 * and its memory for a connection.
 */
export async function arrivals(target, { connections, warmUp, settleMs }) {
  await arrive(target, warmUp);
  await pause(settleMs);

  const bytesBefore = residentBytes(target.pid);
  const cpuBefore = cpuMicroseconds(target.pid);
  const began = performance.now();
  await arrive(target, connections);
  const seconds = (performance.now() - began) / 1000;
  const cpu = cpuMicroseconds(target.pid) - cpuBefore;
  await pause(settleMs);
  return {
    cpuMicroseconds: cpu / connections,
    perSecond: connections / seconds,
    bytes: (residentBytes(target.pid) - bytesBefore) / connections,
  };
}

/** Opens connections with one topic each, from `localAddresses` in turn. */
export async function arrive(target, count, localAddresses = [undefined]) {
  let last;
  await many(count, SIDE, async (i) => {
    last = await Connection.open({ ...target, localAddress: localAddresses[i % localAddresses.length] });
    last.subscribe(newTopic());
  });
  // One answer shows that the server has handled the others too, give or take one turn of its event loop. Asking all
  // would distort the measurement.
  await last?.sync();
}
