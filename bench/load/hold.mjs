import { arrive } from './arrivals.mjs';

/** Connects from the given addresses, subscribes each connection to a topic of its own, and stays: pings are answered. */
export async function hold(target, { connections, localAddresses }) {
  await arrive(target, connections, localAddresses);
  return { connections };
}
