import { relaysApart, turnRefused, turnUnreached } from './fault.js';

/** Milliseconds until a relay is given up. Over UDP, browsers ask a server that does not answer for longer than that. */
const RELAY_MS = 15_000;

/**
 * What a server of the list did not give, as the browser tells it. Codes: RFC 8489 and RFC 8656; 701 is the browser's own, for
 * one that it does not reach.
 * @typedef {{ readonly url: string, readonly code: number }} Failure
 */

/**
 * The servers of the list that relay.
 * @param {readonly RTCIceServer[]} servers
 * @returns {RTCIceServer[]}
 */
export function relaysIn(servers) {
  return servers.filter(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
}

/**
 * Connects two ends in this page that may use relays alone. Resolves to the URL of the relay that was used, and by which
 * way the browser reached it. Rejects with a Fault.
 * @param {RTCIceServer[]} servers
 */
export async function throughRelays(servers) {
  /** @type {Failure[]} */
  const failures = [];
  /** @type {Set<RTCPeerConnection>} The ends that have a relay. */
  const relayed = new Set();
  const ends = [1, 2].map(() => new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: 'relay' }));
  try {
    if (await connected(ends[0], ends[1], relayed, failures)) return await used(ends[0]);
    throw relayed.size === 2 ? relaysApart() : why(failures, servers);
  } finally {
    for (const end of ends) end.close();
  }
}

/**
 * Resolves to true once a channel is open, and to undefined when none can be.
 * @param {RTCPeerConnection} near
 * @param {RTCPeerConnection} far
 * @param {Set<RTCPeerConnection>} relayed where to keep the ends that have a relay
 * @param {Failure[]} failures where to keep what goes wrong
 */
async function connected(near, far, relayed, failures) {
  const given = new Promise((resolve) => {
    let complete = 0;
    for (const [end, other] of [
      [near, far],
      [far, near],
    ]) {
      end.addEventListener('icecandidate', ({ candidate }) => {
        if (!candidate?.candidate) return;
        relayed.add(end);
        other.addIceCandidate(candidate).catch(() => {});
      });
      end.addEventListener('icecandidateerror', ({ url, errorCode }) => failures.push({ url, code: errorCode }));
      end.addEventListener('icegatheringstatechange', () => {
        if (end.iceGatheringState === 'complete' && ++complete === 2 && relayed.size < 2) resolve(undefined);
      });
      end.addEventListener('connectionstatechange', () => {
        if (end.connectionState === 'failed') resolve(undefined);
      });
    }
    setTimeout(resolve, RELAY_MS);
  });
  const channel = near.createDataChannel('relayed');
  const open = new Promise((resolve) => channel.addEventListener('open', () => resolve(true)));
  await near.setLocalDescription();
  await far.setRemoteDescription(/** @type {RTCSessionDescription} */ (near.localDescription));
  await far.setLocalDescription();
  await near.setRemoteDescription(/** @type {RTCSessionDescription} */ (far.localDescription));
  return Promise.race([open, given]);
}

/**
 * The failure that says most: a server that answers says more than one that is not reached. Where the browser has told
 * of none, it still waits for an answer.
 * @param {readonly Failure[]} failures
 * @param {readonly RTCIceServer[]} servers
 */
function why(failures, servers) {
  const urls = servers.flatMap((server) => server.urls);
  const { code, url } = failures.toSorted((a, b) => rank(a) - rank(b))[0] ?? { code: 701, url: urls[0] };
  return code >= 700 ? turnUnreached(url, urls.length - 1) : turnRefused(code, url);
}

/** @param {Failure} failure */
const rank = ({ code }) => (code >= 700 ? 2 : code === 401 ? 0 : 1);

/**
 * Which relay a connection uses.
 * @param {RTCPeerConnection} connection
 */
async function used(connection) {
  const stats = [...(await connection.getStats()).values()];
  const transport = stats.find(({ selectedCandidatePairId: id }) => id !== undefined);
  const pair = stats.find(({ id }) => id === transport?.selectedCandidatePairId);
  const { relayProtocol, url } = stats.find(({ id }) => id === pair?.localCandidateId) ?? {};
  // Firefox says neither.
  return [url ?? 'through TURN alone', relayProtocol].filter((text) => text !== undefined).join(' over ');
}
