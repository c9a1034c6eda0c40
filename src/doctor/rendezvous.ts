import { randomBytes } from 'node:crypto';
import { failed, ok, warning } from './finding.js';
import type { Figures, Finding } from './finding.js';
import { Peer } from './peer.js';
import type { Message } from './peer.js';
import { topicFor } from './relay.js';
import type { Request, Subject } from './subject.js';
import { exact, time } from './words.js';

const PAYLOAD_BYTES = 16;
const MOST_QUERIES = 3;

/** An answer to a JSON peer: the fields that the doctor looks at. */
interface Answer {
  readonly type?: unknown;
  readonly topic?: unknown;
  readonly payload?: unknown;
  readonly peers?: unknown;
  readonly code?: unknown;
}

/**
 * Examines the JSON dialect of the published libraries: one connection publishes, another one queries. Leaves one
 * record of 16 bytes. Its connection is gone by then, and nobody can remove it before its record-ttl.
 */
export async function examineRendezvous(subject: Subject): Promise<Finding> {
  const peers: Peer[] = [];
  try {
    for (const address of [0, 1]) peers.push(await Peer.connect(subject, { address }));
    const [one, other] = peers;
    const topic = topicFor(subject);
    const payload = randomBytes(PAYLOAD_BYTES);
    one.send({ type: 'publish', topic, payload: payload.toString('base64') });
    // A server that answers JSON does so before it answers the ping that follows.
    await one.sync();
    const told = one.take(answerOn(topic));
    if (told === undefined) return ignored();
    if (told.type !== 'ack') return refused(subject, told);
    // The pong waits until other nodes know of the Subscribe (N2), and so of the record before it.
    one.send({ kind: 'Subscribe', topic: topicFor(subject) });
    await one.sync();
    const asked = subject.clock.monotonic();
    const result = await query(other, topic, payload);
    const milliseconds = subject.clock.monotonic() - asked;
    if (result.type !== 'result') return refused(subject, result);
    if (!hasFound(result, payload)) {
      return failed(
        'one connection does not find what another one published',
        'The two connections seem to have reached different servers: ' +
          'join the servers with one nats-url, or run only one.',
        { answered: true, found: false },
      );
    }
    return ok(`one peer finds what another one publishes, in ${time(milliseconds)}`, {
      answered: true,
      found: true,
      milliseconds: exact(milliseconds),
    });
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

/**
 * Queries until an answer contains `payload`, at most MOST_QUERIES times, and returns the last answer. Clustered NATS
 * servers take a moment to spread a record.
 */
async function query(peer: Peer, topic: string, payload: Buffer): Promise<Answer> {
  let answer: Answer = {};
  for (let tries = 0; tries < MOST_QUERIES; tries++) {
    peer.send({ type: 'query', topic });
    answer = await peer.receive(answerOn(topic), 'no answer to a query');
    if (answer.type !== 'result' || hasFound(answer, payload)) return answer;
  }
  return answer;
}

/**
 * Whether the answer contains what was published: as its payload or, if somebody else has published since, among its
 * peers (J4, J5).
 */
function hasFound({ payload, peers }: Answer, published: Buffer): boolean {
  if (payload === published.toString('base64')) return true;
  const listed = published.toString('hex');
  return (
    Array.isArray(peers) &&
    peers.some(
      (peer: { addresses?: unknown } | null) => Array.isArray(peer?.addresses) && peer.addresses.includes(listed),
    )
  );
}

function ignored(): Finding {
  return warning(
    'the server ignores JSON, as the reference server does: the published libraries will not find each other here',
    'Run this cairn-signal, which answers JSON. CBOR peers need no change.',
    { answered: false },
  );
}

function refused(subject: Subject, { code }: Answer): Finding {
  const why = typeof code === 'string' ? subject.quote(code) : 'an unexpected answer';
  const figures = { answered: true, ...(typeof code === 'string' && { code: why }) };
  if (code === 'records_off') {
    return warning(
      'the server answers JSON with records_off: the published libraries will not find each other here',
      'Turn records on, if they should.',
      figures,
    );
  }
  if (code === 'forbidden') return forbidden(subject.request, figures);
  return warning(
    `the server answers JSON with ${why}`,
    'The record store is full, or this address has used up its share: ' +
      'see records-max-bytes, records-per-source and records-per-topic.',
    figures,
  );
}

/** The finding for a peer that may not use the topic (P1, A6). */
function forbidden({ token, certificate, topic }: Request, figures: Figures): Finding {
  const withoutToken = certificate === undefined ? 'a peer without a token' : 'this certificate';
  const who = token === undefined ? withoutToken : 'this token';
  const which = topic === undefined ? 'a random topic' : 'the topic of --topic';
  return warning(
    `the server answers JSON with forbidden: ${who} may not use ${which} (topic policy, or the claim topics of a JWT)`,
    topic === undefined
      ? 'Name an allowed topic, which no peer is on, with --topic.'
      : 'Name another topic, or have it allowed: JSON peers publish, announce and query.',
    figures,
  );
}

/** Reads a message as an answer on `topic`; undefined for other messages. */
function answerOn(topic: string): (message: Message) => Answer | undefined {
  return (message) => {
    if (typeof message !== 'string') return undefined;
    try {
      const answer = JSON.parse(message) as Answer | null;
      return answer?.topic === topic ? answer : undefined;
    } catch {
      return undefined;
    }
  };
}
