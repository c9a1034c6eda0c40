import { randomInt } from 'node:crypto';

const KIND = 'slow peers';
const SIDE_BY_SIDE = 6;
const STILL_MS = [1500, 3000];
/** Time that a peer may take, once it reads again, to get through the backlog to the close. */
const CATCHING_UP_MS = 1000;

/**
 * Peers that subscribe where much is sent and do not read. The server closes them, or they reset a connection full of
 * backlog.
 */
export async function slowPeers(round, flooded) {
  await round.repeat(KIND, SIDE_BY_SIDE, async () => {
    const peer = await round.peer();
    peer.subscribe(flooded);
    await peer.sync();
    peer.socket.pause();
    await round.after(randomInt(...STILL_MS));
    if (randomInt(2) === 0) {
      peer.socket.resume();
      await Promise.race([peer.closed, round.after(CATCHING_UP_MS)]);
      if (!peer.isOpen) round.count('slow peers closed');
    }
    peer.cut();
  });
}
