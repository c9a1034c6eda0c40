import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { newTopic, relayMessage } from '../soak-peer.mjs';
import { within } from '../within.mjs';

const KIND = 'meetings';
/** Time that anything may take which needs the bus while it is up. */
const ARRIVAL_MS = 3000;
/** Time that a peer may wait for its node, whatever the bus does: a silent NATS is waited for 1.5 s, and that once. */
const ANSWER_MS = 4000;

/** N6: a query does not wait longer for other nodes, which may be too busy to answer in that time. */
const PATIENCE_MS = 140;

const picked = (nodes) => {
  const one = randomInt(nodes);
  return [one, (one + 1 + randomInt(nodes - 1)) % nodes];
};

/** Whether a peer receives a message within ARRIVAL_MS. */
async function receives(peer, message) {
  const deadline = performance.now() + ARRIVAL_MS;
  while (performance.now() < deadline) {
    if (peer.received.some((received) => received.equals(message))) return true;
    await pause(5);
  }
  return false;
}

const timely = (what, answer) => within(ANSWER_MS, what, answer);

/** N2, N10: peers of two nodes meet on new topics, over CBOR and JSON, again and again. */
export async function meetings(rounds, outages) {
  await rounds[0].repeat(KIND, 4, async () => {
    const [here, there] = picked(rounds.length);
    const [subscriber, near, far] = await Promise.all(
      [here, here, there].map((node) => rounds[node].honestPeer(`${KIND}, node ${node}`)),
    );
    const topic = newTopic();
    const began = performance.now();
    const missed = (what) => outages.missed(`${KIND}: ${what}`, [here, there], began, performance.now());
    subscriber.subscribe(topic);
    await timely('a Subscribe', subscriber.sync());
    const relayed = far.relay(topic, randomBytes(20));
    if (!(await receives(subscriber, relayed))) missed('a subscriber did not get what was relayed on another node');

    const payload = randomBytes(20);
    const [acknowledged] = await timely('a publish', near.publish(topic, payload));
    if (acknowledged?.type !== 'ack') rounds[here].fault(`${KIND}: a publish was answered ${acknowledged?.type}`);
    const finds = async (peer) => {
      const { payload: found } = await timely('a query', peer.query(topic));
      return found === payload.toString('base64');
    };
    if (!(await finds(subscriber))) rounds[here].fault(`${KIND}: a query missed a record of its own node`);
    const asked = performance.now();
    if (!(await finds(far))) {
      if (performance.now() - asked > PATIENCE_MS) rounds[0].count('queries that waited in vain');
      else missed('a query missed what was acknowledged on another node');
    }
    rounds[0].count('meetings');
    await Promise.all([subscriber, near, far].map((peer) => peer.close()));
  });
}

/**
 * N4, N6: in the middle of an outage of some nodes, peers subscribe on one node and publish on another. Once the bus is
 * back, they are sent what was published, and are subscribed. Returns what checks that.
 */
export async function appointment(rounds, cutOff) {
  const [here, there] = picked(rounds.length);
  // Nobody knows that a node which is cut off alone has something, and it is not asked later.
  const owed = cutOff.includes(here) || !cutOff.includes(there);
  const [subscriber, publisher] = await Promise.all(
    [here, there].map((node) => rounds[node].honestPeer(`appointments, node ${node}`)),
  );
  const topics = Array.from({ length: 10 }, newTopic);
  const payload = randomBytes(20);
  // Ten on one connection: the wait for a silent NATS is paid once.
  for (const topic of topics) subscriber.subscribe(topic);
  await timely('ten Subscribes', subscriber.sync());
  for (const topic of topics) await timely('a publish', publisher.publish(topic, payload));
  return async () => {
    for (const topic of topics) {
      if (owed && !(await receives(subscriber, relayMessage(topic, payload)))) {
        rounds[here].fault('appointments: who subscribed in an outage was never sent what was published in it');
      }
      if (!(await receives(subscriber, publisher.relay(topic, randomBytes(20))))) {
        rounds[here].fault('appointments: who subscribed in an outage is not subscribed after it');
      }
    }
    rounds[0].count('appointments kept');
    await Promise.all([subscriber.close(), publisher.close()]);
  };
}
