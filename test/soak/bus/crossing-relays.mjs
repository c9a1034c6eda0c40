import { numbered } from '../load/numbered-relays.mjs';
import { told } from '../soak-client.mjs';
import { newTopic } from '../soak-peer.mjs';

const EVERY_MS = 40;
const KIND = 'relays across nodes';
/** Time that a relay within a node may take, whatever the bus does: nothing there waits for NATS. */
const LOCAL_MS = 3000;

/**
 * Numbered relays from a peer of one node to a peer of the same node and one of another node, until the round is over.
 * Nothing may be lost within the node. Across nodes nothing may come twice, in another order or mutilated, and nothing
 * be lost without an outage. Resolves to the most milliseconds that a relay within the node took.
 */
export async function crossingRelays(rounds, from, to, outages) {
  const name = newTopic();
  const clients = await Promise.all([from, from, to].map((node) => rounds[node].client(`${KIND}, node ${node}`)));
  const [sender, near, far] = await Promise.all(clients.map((client) => client.join(name)));
  const sentAt = [];
  let slowest = 0;
  const what = `${KIND}, ${from} to ${to}`;
  const due = { near: 0, far: 0 };
  const expect = (receiver, place, missed) => {
    receiver.addEventListener('message', ({ payload }) => {
      const message = Buffer.from(payload);
      const number = message.readUInt32BE();
      if (!message.equals(numbered(number))) rounds[from].fault(`${what}: a message came mutilated`);
      if (number < due[place]) {
        rounds[from].fault(`${what}, ${place}: message ${number} came when ${due[place]} was due`);
      }
      for (let n = due[place]; n < number; n++) missed(n);
      due[place] = Math.max(due[place], number + 1);
      rounds[from].count(place === 'near' ? 'relays within nodes' : 'relays across nodes');
      if (place === 'near') slowest = Math.max(slowest, performance.now() - sentAt[number]);
    });
  };
  const lost = (n) => rounds[from].fault(`${what}: message ${n} was lost within its node`);
  const crossed = (n) => outages.missed(`${what}: a message was lost while the bus was up`, [from, to], sentAt[n]);
  expect(near, 'near', lost);
  expect(far, 'far', crossed);

  while (!rounds[from].isOver) {
    sentAt.push(performance.now());
    sender.send(numbered(sentAt.length - 1)).then(
      (count) => count > 0 || rounds[from].fault(`${what}: a relay was handed to nobody`),
      (error) => rounds[from].fault(`${what}: a relay failed with ${error.code}`),
    );
    await rounds[from].after(EVERY_MS);
  }
  for (const [receiver, place] of [
    [near, 'near'],
    [far, 'far'],
  ]) {
    await told(receiver, 'message', 'the last relay', () => due[place] >= sentAt.length).catch(() => undefined);
  }
  for (let n = due.near; n < sentAt.length; n++) lost(n);
  for (let n = due.far; n < sentAt.length; n++) crossed(n);
  if (slowest > LOCAL_MS) rounds[from].fault(`${what}: a relay within its node took ${slowest.toFixed(0)} ms`);
  await Promise.all(clients.map((client) => client.close()));
  return slowest;
}
