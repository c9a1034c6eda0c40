import { randomBytes, randomInt } from 'node:crypto';
import { cbor, newTopic } from '../soak-peer.mjs';
import { within } from '../within.mjs';

const KIND = 'members';
const TOPICS = 8;
const GUESTS = 3;
const ANSWER_MS = 15_000;
const LONGEST_STAY_MS = 100;
const LONGEST_DATA = 1024;

/**
 * Peers of cairn-signal.v2. On each topic a host looks who is there, and guests come, are seen with their data, write to
 * the host alone, get a receipt, and leave, some of them abruptly. The host must be told all of it, and nothing else.
 */
export async function members(round) {
  await Promise.all(
    Array.from({ length: TOPICS }, () =>
      round.once(KIND, async () => {
        const topic = newTopic();
        const host = await Host.on(round, topic);
        await round.repeat(KIND, GUESTS, () => visit(round, topic, host));
        await host.peer.close();
      }),
    ),
  );
}

/** One who looks. Owns what it believes of the members, by their ids in hex, and what was written to it. */
class Host {
  /** Data of the others in hex; empty for none. */
  members = new Map();
  letters = new Map();
  #waiting = new Set();

  static async on(round, topic) {
    const host = new Host();
    host.peer = await round.honestPeer(KIND, ['cairn-signal.v2']);
    const self = new Promise((resolve) => {
      host.peer.socket.on('message', (bytes) => {
        const { Members, Relay, Ping } = cbor.decode(bytes);
        if (Members !== undefined) host.#read(Members);
        if (Members?.self !== undefined) resolve(Members.self);
        if (Relay !== undefined) host.letters.set(hex(Relay.from), Relay);
        if (Ping !== undefined) host.peer.send(cbor.encode({ Pong: Ping }));
        for (const look of host.#waiting) look();
      });
    });
    host.peer.send(cbor.encode({ Subscribe: { topic, presence: true } }));
    host.self = await within(ANSWER_MS, 'the members', self);
    return host;
  }

  /** Resolves once something is so of what the host knows. Guests wait side by side. */
  async until(what, condition) {
    if (condition()) return;
    let look;
    const sure = new Promise((resolve) => {
      look = () => condition() && resolve();
      this.#waiting.add(look);
    });
    await within(ANSWER_MS, what, sure).finally(() => this.#waiting.delete(look));
  }

  #read({ self, joined = [], left = [] }) {
    if (self !== undefined) this.members.clear();
    for (const { id, data } of joined) this.members.set(hex(id), hex(data));
    for (const id of left) this.members.delete(hex(id));
  }
}

async function visit(round, topic, host) {
  const guest = await round.honestPeer(KIND, ['cairn-signal.v2']);
  const heard = answers(guest);
  const data = randomBytes(1 + randomInt(LONGEST_DATA));
  guest.send(cbor.encode({ Subscribe: { topic, id: 1, presence: true, data } }));
  const { self, joined } = await heard('Members');
  await heard('Ack');
  if (!joined.some(({ id }) => id.equals(host.self))) throw new Error('a guest is not told of its host');
  const me = hex(self);
  await host.until('the host to see a guest', () => host.members.get(me) === hex(data));

  const payload = randomBytes(randomInt(2000));
  guest.send(cbor.encode({ Relay: { topic, payload, id: 2, to: host.self } }));
  const { to } = await heard('Ack');
  if (to !== 1) throw new Error(`a Relay to the host was handed on to ${to}`);
  await host.until('a letter to the host', () => host.letters.has(me));
  const letter = host.letters.get(me);
  host.letters.delete(me);
  if (letter.to !== true || !letter.payload.equals(payload)) throw new Error('the host got another letter');

  await round.after(randomInt(LONGEST_STAY_MS));
  if (randomInt(2) === 0) await guest.close();
  else guest.cut();
  await host.until('the host to see a guest leave', () => !host.members.has(me));
  round.count('visits');
}

/** Returns what resolves to the fields of the next message of a kind. Others are ignored. */
function answers(peer) {
  const heard = [];
  let waiting = () => undefined;
  peer.socket.on('message', (bytes) => {
    const message = cbor.decode(bytes);
    if (message.Ping !== undefined) peer.send(cbor.encode({ Pong: message.Ping }));
    heard.push(message);
    waiting();
  });
  return async (kind) => {
    const found = new Promise((resolve, reject) => {
      waiting = () => {
        const failure = heard.find(({ Error: error }) => error !== undefined);
        if (failure !== undefined) reject(new Error(`the server said ${failure.Error.code}`));
        const at = heard.findIndex((message) => message[kind] !== undefined);
        if (at >= 0) resolve(heard.splice(at, 1)[0][kind]);
      };
      waiting();
    });
    return within(ANSWER_MS, `a message ${kind}`, found);
  };
}

function hex(bytes) {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('hex');
}
