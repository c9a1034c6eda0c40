import { randomBytes } from 'node:crypto';
import { SUBPROTOCOL, SUBPROTOCOL_V2 } from '../protocol/subprotocol.js';
import { failed, ok, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import type { Message } from './peer.js';
import { adviceForSilence, topicFor } from './relay.js';
import type { Said } from './said.js';
import type { Subject } from './subject.js';
import { exact, time } from './words.js';

const PAYLOAD_BYTES = 16;

/** A member of a topic, as its Members described it. */
interface Member {
  readonly peer: Peer;
  /** Undefined where the server does not tell. */
  readonly id: Buffer | undefined;
  /** Ids of the others; undefined where the server told their number alone. */
  readonly others: readonly Buffer[] | undefined;
  readonly count: number;
  /** Whether members of other nodes may be missing. */
  readonly partial: boolean;
}

/**
 * Examines which subprotocol the server selects. If that is cairn-signal.v2, two connections to different addresses, if
 * there are several, become members of a topic: they are told of each other, a relay is acknowledged with the number of
 * those whom it reached, and a Ping is answered.
 */
export async function examineV2(subject: Subject): Promise<Finding> {
  const peers: Peer[] = [];
  try {
    for (const address of [0, 1]) {
      const peer = await connect(subject, address);
      if (peer !== undefined) peers.push(peer);
      if (peer?.protocol !== SUBPROTOCOL_V2) return older(subject, peer?.protocol);
    }
    return await rendezvous(subject, peers);
  } catch (error) {
    if (error instanceof Refused) return error.finding(subject);
    throw error;
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

/** Resolves to a connection that offers both subprotocols; to undefined if the server selects none. */
async function connect(subject: Subject, address: number): Promise<Peer | undefined> {
  try {
    return await Peer.connect(subject, { address, protocols: [SUBPROTOCOL_V2, SUBPROTOCOL] });
  } catch (error) {
    // `ws`, as browsers do, drops a connection whose server selects none of the subprotocols that it offered.
    if (error instanceof Trouble && /no subprotocol/i.test(error.found)) return undefined;
    throw error;
  }
}

/** The finding for a server that did not select cairn-signal.v2. */
function older(subject: Subject, protocol: string | undefined): Finding {
  const selected = protocol === undefined ? 'no subprotocol' : subject.quote(protocol);
  const figures = { protocol: protocol === undefined ? 'none' : selected };
  if (subject.protocols.includes(SUBPROTOCOL_V2)) {
    return warning(
      `the server has cairn-signal.v2, but selects ${selected} where it is offered`,
      'A proxy changes Sec-WebSocket-Protocol, or removes it: make it pass the header on, both ways.',
      figures,
    );
  }
  const asWho = protocol === undefined ? ', as the reference does' : '';
  return ok(`the server selects ${selected}${asWho}: peers get no list of members and no receipts here`, figures);
}

async function rendezvous(subject: Subject, peers: readonly Peer[]): Promise<Finding> {
  const topic = topicFor(subject);
  for (const peer of peers) await peer.receive(said('Welcome'), 'cairn-signal.v2 is selected, but no Welcome comes');
  const [one, other] = [await join(peers[0], topic), await join(peers[1], topic)];
  if (!(await seeEachOther(one, other))) {
    if (one.partial || other.partial) return partialList();
    return failed('two members of one topic are not told of each other', adviceForSilence(subject));
  }
  const asked = subject.clock.monotonic();
  const to = await relay(one, other, topic);
  const milliseconds = subject.clock.monotonic() - asked;
  const figures = { protocol: SUBPROTOCOL_V2, members: other.count, to, milliseconds: exact(milliseconds) };
  // Somebody else may be on a topic that was named.
  if (typeof to !== 'number' || to < 1 || (to > 1 && subject.request.topic === undefined)) {
    return failed(
      'a relay arrives at one member, but its receipt says otherwise',
      'This is a fault of the server: update it, and report it if that does not help.',
      { ...figures, to: typeof to === 'number' ? to : null },
    );
  }
  one.peer.request('Ping', { id: 3 });
  await one.peer.receive(answerTo(3), 'no Pong to a Ping');
  const seen =
    other.others === undefined ? 'members are told their number, not who they are' : 'members see each other';
  return ok(`cairn-signal.v2: ${seen}, and a relay is acknowledged in ${time(milliseconds)}`, figures);
}

/** Becomes a member that is told the others. Throws Refused if the server answers with an Error. */
async function join(peer: Peer, topic: string): Promise<Member> {
  peer.request('Subscribe', { topic, id: 1, presence: true });
  const answer = await peer.receive(answerTo(1), 'no answer to a Subscribe');
  if (answer.name === 'Error') throw new Refused(answer);
  // V4: the list comes before the answer.
  const fields = peer.take(said('Members'))?.fields;
  const others = idsIn(fields?.joined);
  const id = isId(fields?.self) ? fields.self : undefined;
  if (typeof fields?.count !== 'number' || (others !== undefined && id === undefined)) {
    throw new Trouble(
      'a Subscribe that asks for the members is acknowledged without them',
      'This is not a server of cairn-signal.v2, though it selects it: look at what answers there.',
    );
  }
  return { peer, id, others, count: fields.count, partial: fields.partial === true };
}

/** Whether the second member was told of the first one in its list, and the first is told that the second came. */
async function seeEachOther(one: Member, other: Member): Promise<boolean> {
  if (other.others === undefined) return other.count > 1;
  if (!includes(other.others, one.id)) return false;
  await one.peer.receive(
    (message) => includes(idsIn(said('Members')(message)?.fields.joined), other.id) || undefined,
    'the first member is not told that a second one came',
  );
  return true;
}

/** Relays from one member to the other. Resolves to what the receipt says once the message has arrived. */
async function relay(one: Member, other: Member, topic: string): Promise<unknown> {
  const payload = randomBytes(PAYLOAD_BYTES);
  one.peer.request('Relay', { topic, payload, id: 2 });
  const receipt = await one.peer.receive(answerTo(2), 'no answer to a Relay');
  if (receipt.name === 'Error') throw new Refused(receipt);
  await other.peer.receive(
    (message) => {
      const { payload: got, from } = said('Relay')(message)?.fields ?? {};
      const isOurs = Buffer.isBuffer(got) && got.equals(payload) && isId(from);
      return (isOurs && (one.id === undefined || from.equals(one.id))) || undefined;
    },
    'a relay is acknowledged, but does not arrive from its sender',
    { sender: one.peer },
  );
  return receipt.fields.to;
}

function partialList(): Finding {
  return warning(
    'each member sees its own node alone: the server says that its list is partial',
    'The server has lost NATS, or has just started: look at its log and at /health/ready, and try again.',
    { protocol: SUBPROTOCOL_V2, partial: true },
  );
}

/** The server answered with an Error. */
class Refused extends Error {
  constructor(readonly answer: Said) {
    super('refused');
  }

  finding(subject: Subject): Finding {
    const { code } = this.answer.fields;
    const why = typeof code === 'string' ? subject.quote(code) : 'an Error without a code';
    const figures = { protocol: SUBPROTOCOL_V2, ...(typeof code === 'string' && { code: why }) };
    const found = `cairn-signal.v2: a member is answered with ${why}`;
    return code === 'forbidden'
      ? warning(
          found,
          'A topic policy allows to subscribe, but not to be told the members (presence), or forbids to relay. ' +
            'If peers shall see each other, have it allowed.',
          figures,
        )
      : warning(found, 'The table of codes in docs/protocol.md, section 12, names the setting.', figures);
  }
}

/** A reader of messages of that name. */
function said(name: string): (message: Message) => Said | undefined {
  return (message) =>
    typeof message === 'object' && message.kind === 'Said' && message.name === name ? message : undefined;
}

/** A reader of the answer to a request with that id (V2). */
function answerTo(id: number): (message: Message) => Said | undefined {
  return (message) =>
    typeof message === 'object' &&
    message.kind === 'Said' &&
    ['Ack', 'Error', 'Pong'].includes(message.name) &&
    message.fields.id === id
      ? message
      : undefined;
}

function includes(ids: readonly Buffer[] | undefined, wanted: Buffer | undefined): boolean {
  return wanted !== undefined && ids?.some((id) => id.equals(wanted)) === true;
}

function isId(value: unknown): value is Buffer {
  return Buffer.isBuffer(value) && value.length === 8;
}

/** The ids in a list of members; undefined if it is none. */
function idsIn(joined: unknown): Buffer[] | undefined {
  if (!Array.isArray(joined)) return undefined;
  return joined.map((entry: { id?: unknown } | null) => entry?.id).filter(isId);
}
