/** What a process opens beside its connections: modules, libuv's own, the listener; the server keeps a hundred to itself. */
const OTHER_FILES = 128;
/** One process could hold more, but would spend long collecting garbage, and pings would wait for that. */
const MOST_A_PROCESS = 15_000;
/** A source address has some 28,000 ports to one destination, of which some may still be in TIME_WAIT from the last run. */
const MOST_AN_ADDRESS = 10_000;

/**
 * How many files the server must be able to open to hold that many connections.
 * @param {number} connections
 * @returns {number}
 */
export function filesFor(connections) {
  return connections + OTHER_FILES;
}

/**
 * How many idle connections fit, beside `others`, into a server that may open `mostFiles`, and which process opens how many of
 * them from which addresses. No address is used by two processes.
 * @param {{ connections: number, others: number, mostFiles: number }} asked
 * @returns {{ connections: number, localAddresses: string[] }[]} a process each
 */
export function idlePlan({ connections, others, mostFiles }) {
  const fitting = Math.max(0, Math.min(connections, mostFiles - OTHER_FILES - others));
  const processes = Math.ceil(fitting / Math.min(MOST_A_PROCESS, mostFiles - OTHER_FILES));
  let address = 2;
  return Array.from({ length: processes }, (_one, i) => {
    const share = Math.floor((fitting * (i + 1)) / processes) - Math.floor((fitting * i) / processes);
    return {
      connections: share,
      localAddresses: Array.from(
        { length: Math.ceil(share / MOST_AN_ADDRESS) },
        () => `127.0.${address >> 8}.${address++ & 255}`,
      ),
    };
  });
}
