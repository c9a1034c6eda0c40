import { churn } from './load/churn.mjs';
import { fanOut } from './load/fan-out.mjs';
import { garbage } from './load/garbage.mjs';
import { greedyPeers } from './load/greedy-peers.mjs';
import { honestPairs } from './load/honest-pairs.mjs';
import { jsonPeers } from './load/json-peers.mjs';
import { members } from './load/members.mjs';
import { slowPeers } from './load/slow-peers.mjs';
import { newTopic } from './soak-peer.mjs';

/** Everything at once, until the round is over. */
export async function load(round) {
  const flooded = newTopic();
  await Promise.all([
    honestPairs(round),
    fanOut(round),
    churn(round),
    jsonPeers(round),
    members(round),
    greedyPeers(round, flooded),
    slowPeers(round, flooded),
    garbage(round),
  ]);
}
