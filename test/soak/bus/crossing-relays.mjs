import { newTopic, payloadOf, relayMessage } from '../soak-peer.mjs';

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
  const topic = newTopic();
  const [sender, near, far] = await Promise.all(
    [from, from, to].map((node) => rounds[node].honestPeer(`${KIND}, node ${node}`)),
  );
  const sentAt = [];
  let slowest = 0;
  const what = `${KIND}, ${from} to ${to}`;
  const due = { near: 0, far: 0 };
  const expect = (receiver, place, missed) => {
    receiver.subscribe(topic);
    receiver.socket.on('message', () => {
      const message = receiver.received.shift();
      const number = payloadOf(message).readUInt32BE();
      if (!message.equals(relay(topic, number))) rounds[from].fault(`${what}: a message came mutilated`);
      if (number < due[place]) {
        rounds[from].fault(`${what}, ${place}: message ${number} came when ${due[place]} was due`);
      }
      for (let n = due[place]; n < number; n++) missed(n);
      due[place] = Math.max(due[place], number + 1);
      rounds[from].count(place === 'near' ? 'relays within nodes' : 'relays across nodes');
      if (place === 'near') slowest = Math.max(slowest, performance.now() - sentAt[number]);
    });
    return receiver.sync();
  };
  const lost = (n) => rounds[from].fault(`${what}: message ${n} was lost within its node`);
  const crossed = (n) => outages.missed(`${what}: a message was lost while the bus was up`, [from, to], sentAt[n]);
  await Promise.all([expect(near, 'near', lost), expect(far, 'far', crossed)]);

  while (!rounds[from].isOver) {
    sentAt.push(performance.now());
    sender.send(relay(topic, sentAt.length - 1));
    await rounds[from].after(EVERY_MS);
  }
  await sender.sync();
  await near.sync();
  await far.sync();
  // What crosses is not behind the pong of the other node.
  const deadline = performance.now() + LOCAL_MS;
  while (due.far < sentAt.length && performance.now() < deadline) await far.sync();
  for (let n = due.near; n < sentAt.length; n++) lost(n);
  for (let n = due.far; n < sentAt.length; n++) crossed(n);
  if (slowest > LOCAL_MS) rounds[from].fault(`${what}: a relay within its node took ${slowest.toFixed(0)} ms`);
  await Promise.all([sender, near, far].map((peer) => peer.close()));
  return slowest;
}

function relay(topic, number) {
  const payload = Buffer.alloc(4 + ((number * 37) % 1500), number);
  payload.writeUInt32BE(number);
  return relayMessage(topic, payload);
}
