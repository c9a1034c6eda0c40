import { setImmediate } from 'node:timers/promises';
import { newTopic, relayMessage } from '../soak-peer.mjs';

const KIND = 'greedy peers';
const SIDE_BY_SIDE = 2;
/** Not tiny: what waits in the system when a peer ends must not keep the server busy for long. */
const SMALL = Buffer.alloc(1024);
const LARGE = Buffer.alloc(16_384);
/** Messages written before the system must have taken the last of them, so that little waits on this side. */
const BATCH = 32;

/** Peers that send as fast as the server allows: large messages to the slow peers, small ones to nobody. */
export async function greedyPeers(round, flooded) {
  const messages = [relayMessage(flooded, LARGE), relayMessage(newTopic(), SMALL)];
  await Promise.all(messages.map((message) => round.repeat(KIND, SIDE_BY_SIDE, () => flood(round, message))));
}

async function flood(round, message) {
  const peer = await round.peer();
  round.onOver(() => peer.cut());
  while (!(await sendBatch(peer, message))) {
    round.count('greedy relays sent', BATCH);
    // While the system takes everything immediately, nobody else in this process would have a turn.
    await setImmediate();
  }
  peer.cut();
}

/** Resolves once the system has taken it; to an error if the connection has ended. */
function sendBatch(peer, message) {
  return new Promise((resolve) => {
    for (let i = 1; i <= BATCH; i++) peer.socket.send(message, i === BATCH ? resolve : undefined);
  });
}
