import { arrive } from './arrivals.mjs';

/** Opens connections from the given addresses, subscribes each to its own topic, and holds them. They answer pings. */
export async function hold(target, { connections, localAddresses }) {
  await arrive(target, connections, localAddresses);
  return { connections };
}
