import { randomBytes, randomInt } from 'node:crypto';
import { told } from '../soak-client.mjs';
import { newTopic } from '../soak-peer.mjs';

const KIND = 'members';
const TOPICS = 8;
const GUESTS = 3;
const LONGEST_STAY_MS = 100;
const LONGEST_DATA = 1024;

/**
 * On each topic a host looks who is there, and guests come, are seen with their data, write to the host alone, get a
 * receipt, and leave, some of them abruptly. The host must be told all of it, and nothing else.
 */
export async function members(round) {
  await Promise.all(
    Array.from({ length: TOPICS }, () =>
      round.once(KIND, async () => {
        const client = await round.client(KIND);
        const host = await client.join(newTopic(), { presence: true });
        await round.repeat(KIND, GUESTS, () => visit(round, host));
        if (host.members.size > 0) round.fault(`${KIND}: a host still sees guests that have left`);
        await client.close();
      }),
    ),
  );
}

/** `host` is the topic as the host sees it. */
async function visit(round, host) {
  const client = await round.client(KIND);
  const data = randomBytes(1 + randomInt(LONGEST_DATA));
  const guest = await client.join(host.name, { presence: true, data });
  const me = guest.self;
  if (!guest.members.has(host.self)) throw new Error('a guest is not told of its host');
  await told(host, 'joined', 'the host to see a guest', () => host.members.has(me));
  if (!data.equals(host.members.get(me).data)) throw new Error('the host sees other data of a guest');

  const payload = randomBytes(randomInt(2000));
  const [letter, to] = await Promise.all([
    told(host, 'message', 'a letter to the host', (event) => event?.from === me),
    guest.send(payload, { to: host.self }),
  ]);
  if (to !== 1) throw new Error(`a letter to the host was handed to ${to}`);
  if (letter.to !== host.self || !payload.equals(letter.payload)) throw new Error('the host got another letter');

  await round.after(randomInt(LONGEST_STAY_MS));
  if (randomInt(2) === 0) await client.close();
  else client.cut();
  await told(host, 'left', 'the host to see a guest leave', () => !host.members.has(me));
  round.count('visits');
}
