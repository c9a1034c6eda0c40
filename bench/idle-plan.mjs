/**
 * Files that a process opens besides its connections: modules, the files of libuv, the listener. The server reserves a
 * hundred.
 */
const OTHER_FILES = 128;
/** Connections per process. One process could hold more, but pings would then wait for long garbage collections. */
const MOST_PER_PROCESS = 15_000;
/**
 * Connections per source address. An address has about 28,000 ports to one destination, and some may still be in
 * TIME_WAIT from the last run.
 */
const MOST_PER_ADDRESS = 10_000;

/**
 * Number of files that the server must be able to open to hold that many connections.
 * @param {number} connections
 * @returns {number}
 */
export function filesFor(connections) {
  return connections + OTHER_FILES;
}

/**
 * Plans the idle connections that fit, besides `others`, into a server that may open `mostFiles` files: which process
 * opens how many, from which addresses. No two processes share an address.
 * @param {{ connections: number, others: number, mostFiles: number }} asked
 * @returns {{ connections: number, localAddresses: string[] }[]} one entry per process
 */
export function idlePlan({ connections, others, mostFiles }) {
  const fitting = Math.max(0, Math.min(connections, mostFiles - OTHER_FILES - others));
  const processes = Math.ceil(fitting / Math.min(MOST_PER_PROCESS, mostFiles - OTHER_FILES));
  let address = 2;
  return Array.from({ length: processes }, (_one, i) => {
    const share = Math.floor((fitting * (i + 1)) / processes) - Math.floor((fitting * i) / processes);
    return {
      connections: share,
      localAddresses: Array.from(
        { length: Math.ceil(share / MOST_PER_ADDRESS) },
        () => `127.0.${address >> 8}.${address++ & 255}`,
      ),
    };
  });
}
