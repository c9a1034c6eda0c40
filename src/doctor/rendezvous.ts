import { randomBytes } from 'node:crypto';
import type { Relay } from '../protocol/message.js';
import { failed, ok, warning } from './finding.js';
import type { Figures, Finding } from './finding.js';
import { Peer } from './peer.js';
import { topicFor } from './relay.js';
import type { Request, Subject } from './subject.js';
import { exact, time } from './words.js';

const PAYLOAD_BYTES = 16;
const MOST_QUERIES = 3;

/** What a JSON peer is answered, as far as it is looked at. */
interface Answer {
  readonly type?: unknown;
  readonly topic?: unknown;
  readonly payload?: unknown;
  readonly peers?: unknown;
  readonly code?: unknown;
}

/**
 * The JSON dialect of the published libraries: one connection publishes, another one queries. Leaves one record of 16 bytes, which counts
 * as that of a connection that is gone, and cannot be taken back before its record-ttl.
 */
export async function examineRendezvous(subject: Subject): Promise<Finding> {
  const peers: Peer[] = [];
  try {
    for (const address of [0, 1]) peers.push(await Peer.connect(subject, { address }));
    const [one, other] = peers;
    const topic = topicFor(subject);
    const payload = randomBytes(PAYLOAD_BYTES);
    one.send({ type: 'publish', topic, payload: payload.toString('base64') });
    // A server that answers JSON does so before it answers the ping behind it.
    await one.sync();
    const told = one.take(answerOn(topic));
    if (told === undefined) return ignored();
    if (told.type !== 'ack') return refused(subject, told);
    // What follows a Subscribe waits until other nodes know of it (N2), and so of the record before it.
    one.send({ kind: 'Subscribe', topic: topicFor(subject) });
    await one.sync();
    const asked = subject.clock.monotonic();
    const result = await query(other, topic, payload);
    const milliseconds = subject.clock.monotonic() - asked;
    if (result.type !== 'result') return refused(subject, result);
    if (!hasFound(result, payload)) {
      return failed(
        'what one connection published, another one does not find',
        'The two connections seem to have reached different servers: join them with one nats-url, or have one server only.',
        { answered: true, found: false },
      );
    }
    return ok(`what one peer publishes, another one finds, in ${time(milliseconds)}`, {
      answered: true,
      found: true,
      milliseconds: exact(milliseconds),
    });
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

/** The answer to a query: the first that has found `payload`, or the last. Between clustered NATS servers a record takes a moment to be known. */
async function query(peer: Peer, topic: string, payload: Buffer): Promise<Answer> {
  let answer: Answer = {};
  for (let tries = 0; tries < MOST_QUERIES; tries++) {
    peer.send({ type: 'query', topic });
    answer = await peer.receive(answerOn(topic), 'no answer to a query');
    if (answer.type !== 'result' || hasFound(answer, payload)) return answer;
  }
  return answer;
}

/** Whether what was published is in the answer: as its payload or, where somebody else has published on the topic since, among its peers (J4, J5). */
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
    'JSON is ignored, as the reference server does: the published libraries will not find each other here',
    'Serve with this cairn-signal, which answers it; peers that speak CBOR are served as they are.',
    { answered: false },
  );
}

function refused(subject: Subject, { code }: Answer): Finding {
  const why = typeof code === 'string' ? subject.quote(code) : 'an answer that nobody expects';
  const figures = { answered: true, ...(typeof code === 'string' && { code: why }) };
  if (code === 'records_off') {
    return warning(
      'JSON is answered with records_off: the published libraries will not find each other here',
      'Set records on, if they are to.',
      figures,
    );
  }
  if (code === 'forbidden') return forbidden(subject.request, figures);
  return warning(
    `JSON is answered with ${why}`,
    'The store of records is full, or this address has its share of it: see records-max-bytes, records-per-source and records-per-topic.',
    figures,
  );
}

/** P1, A6. */
function forbidden({ token, certificate, topic }: Request, figures: Figures): Finding {
  const who =
    token === undefined ? (certificate === undefined ? 'a peer without a token' : 'this certificate') : 'this token';
  const found = `JSON is answered with forbidden: ${who} may not use ${topic === undefined ? 'a random topic' : 'the topic of --topic'} (topic policy, or the claim topics of a JWT)`;
  return warning(
    found,
    topic === undefined
      ? 'Name one that may be used, and that no peer is on, with --topic.'
      : 'Name another one, or have it allowed: JSON peers publish, announce and query.',
    figures,
  );
}

/** What the message is when it answers on `topic`. */
function answerOn(topic: string): (message: Relay | string) => Answer | undefined {
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
