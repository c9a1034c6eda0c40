import { randomBytes } from 'node:crypto';
import { failed, ok, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import type { Message } from './peer.js';
import { Unanswered } from './subject.js';
import type { Subject } from './subject.js';
import { exact, time } from './words.js';

const PAYLOAD_BYTES = 16;
/** Share of the timeout that the first attempt gets. */
const FIRST_TRY = 0.25;

/**
 * The requested topic. Without one, a new random topic in the form that cairn's peers derive, 64 hex digits, which
 * nobody else is on.
 */
export function topicFor({ request }: Subject): string {
  return request.topic ?? randomBytes(32).toString('hex');
}

/** A reader that recognises a relay of `payload` to `topic`. */
export function isRelay(topic: string, payload: Uint8Array): (message: Message) => true | undefined {
  return (message) =>
    typeof message === 'object' &&
    message.kind === 'Relay' &&
    message.topic === topic &&
    Buffer.compare(message.payload, payload) === 0
      ? true
      : undefined;
}

/**
 * Examines the CBOR dialect: two connections, to different addresses if there are several, subscribe to a topic. One
 * relays to the other, and back.
 */
export async function examineRelay(subject: Subject): Promise<Finding> {
  const peers: Peer[] = [];
  try {
    for (const address of [0, 1]) peers.push(await Peer.connect(subject, { address }));
    const [one, other] = peers;
    const topic = topicFor(subject);
    for (const peer of peers) {
      peer.send({ kind: 'Subscribe', topic });
      await peer.sync();
    }
    const { timeout } = subject.request;
    const first = await roundTrip(subject, one, other, topic, timeout * FIRST_TRY);
    const milliseconds = first ?? (await roundTrip(subject, one, other, topic, timeout));
    if (milliseconds === undefined) {
      return failed(`a relay does not reach the other connection within ${time(timeout)}`, adviceForSilence(subject));
    }
    const found = `a message to another peer and one back: ${time(milliseconds)}`;
    const figures = { roundTripMilliseconds: exact(milliseconds) };
    if (first !== undefined) return ok(found, figures);
    return warning(
      `${found}, at the second attempt: a message relayed right after subscribing was lost`,
      'Clustered NATS servers take a moment to spread a subscription. If there are none, look for what drops messages.',
      figures,
    );
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

/** Milliseconds for a relay there and one back; undefined when one of them does not arrive within `timeout`. */
async function roundTrip(
  subject: Subject,
  one: Peer,
  other: Peer,
  topic: string,
  timeout: number,
): Promise<number | undefined> {
  const from = subject.clock.monotonic();
  try {
    for (const [sender, receiver] of [
      [one, other],
      [other, one],
    ]) {
      const payload = randomBytes(PAYLOAD_BYTES);
      sender.send({ kind: 'Relay', topic, payload });
      await receiver.receive(isRelay(topic, payload), 'no relay', { sender, timeout });
    }
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
  return subject.clock.monotonic() - from;
}

/** Advice for two connections of which one does not reach the other. */
export function adviceForSilence({ reachable, request }: Subject): string {
  const forbidden =
    request.topic === undefined ? 'random topics: name an allowed one with --topic' : 'the topic of --topic';
  const topics = `Or a topic policy, or the claim topics of a JWT, forbids ${forbidden}.`;
  const where =
    reachable.length > 1
      ? `${reachable[0].address} and ${reachable[1].address} seem to be different servers`
      : 'The two connections seem to have reached different servers';
  const servers = `${where}: join the servers with one nats-url, or run only one.`;
  return `${servers} ${topics} Or this is not a cairn-signal server.`;
}
