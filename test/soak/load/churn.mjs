import { randomBytes, randomInt } from 'node:crypto';
import { newTopic, relayMessage } from '../soak-peer.mjs';

const KIND = 'churn';
const SIDE_BY_SIDE = 20;
/** Topics where they meet. The others are new, so that anything kept by topic would grow. */
const SHARED_TOPICS = 32;
const LONGEST_STAY_MS = 100;

/** Peers that come, subscribe, relay, unsubscribe and leave, some of them abruptly. */
export async function churn(round) {
  const shared = Array.from({ length: SHARED_TOPICS }, newTopic);
  const someTopic = () => (randomInt(2) === 0 ? newTopic() : shared[randomInt(SHARED_TOPICS)]);
  await round.repeat(KIND, SIDE_BY_SIDE, async () => {
    const peer = await round.honestPeer(KIND);
    const topics = Array.from({ length: 1 + randomInt(8) }, someTopic);
    for (const topic of topics) peer.subscribe(topic);
    for (const topic of [...topics, someTopic()]) relay(round, peer, topic);
    await round.after(randomInt(LONGEST_STAY_MS));
    for (const topic of topics) if (randomInt(2) === 0) peer.unsubscribe(topic);
    await leave(round, peer, topics[0]);
    round.count('churn sessions');
  });
}

function relay(round, peer, topic) {
  peer.send(relayMessage(topic, randomBytes(randomInt(2000))));
  round.count('relays sent');
}

/** One of the ways to leave. */
async function leave(round, peer, topic) {
  const way = randomInt(4);
  // With the last relay still under way.
  if (way < 2) relay(round, peer, topic);
  if (way % 2 === 0) await peer.close();
  else peer.cut();
}
