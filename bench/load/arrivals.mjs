import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds, residentBytes } from '../process-usage.mjs';
import { Connection, newSession } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 200;

/**
 * Connections that subscribe to one topic each and then stay silent. With `resumed`, they resume a TLS session. The
 * figures are the server's CPU for an arrival, and its memory for a connection.
 */
export async function arrivals(target, { connections, warmUp, settleMs, resumed = false }) {
  const arriving = resumed ? { ...target, session: await newSession(target) } : target;
  await arrive(arriving, warmUp);
  await pause(settleMs);

  const bytesBefore = residentBytes(target.pids);
  const cpuBefore = cpuMicroseconds(target.pids);
  const began = performance.now();
  await arrive(arriving, connections);
  const seconds = (performance.now() - began) / 1000;
  const cpu = cpuMicroseconds(target.pids) - cpuBefore;
  await pause(settleMs);
  const bytes = residentBytes(target.pids) - bytesBefore;
  return {
    cpuMicroseconds: cpu / connections,
    perSecond: connections / seconds,
    bytes: bytes / connections,
    connections,
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
