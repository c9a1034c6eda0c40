import { randomBytes } from 'node:crypto';
import { ATTRIBUTE, CLASS, encodeStun, errorCodeIn, longTermKey } from '../../src/turn/stun-message.js';
import type { StunMessage } from '../../src/turn/stun-message.js';
import type { TurnCredentials } from '../../src/turn/turn-client.js';
import { udpWire } from '../../src/turn/wire.js';
import type { Coturn } from './coturn.js';

const ALLOCATE = 0x003;
const CREATE_PERMISSION = 0x008;
const XOR_PEER_ADDRESS = 0x0012;
const COOKIE = [0x21, 0x12, 0xa4, 0x42];

/** Asks for permission to send to IPv4 addresses, from one relay. Resolves to what is answered: a code, or 200. */
export async function askPermissions(
  { address, port }: Coturn,
  { username, credential }: TurnCredentials,
  peers: readonly string[],
): Promise<number[]> {
  const wire = await udpWire(address, 4, port);
  const ask = (method: number, attributes: [number, Buffer][], key?: Buffer): Promise<StunMessage> =>
    new Promise((resolve, reject) => {
      wire.reader = { came: (message) => resolve(message!), failed: reject };
      wire.send(encodeStun({ method, kind: CLASS.request, transaction: randomBytes(12), attributes }, key));
    });
  const wanted: [number, Buffer] = [ATTRIBUTE.requestedTransport, Buffer.of(17, 0, 0, 0)];
  const { attributes } = await ask(ALLOCATE, [wanted]);
  const realm = attributes.get(ATTRIBUTE.realm)!;
  const shown: [number, Buffer][] = [
    [ATTRIBUTE.username, Buffer.from(username)],
    [ATTRIBUTE.realm, realm],
    [ATTRIBUTE.nonce, attributes.get(ATTRIBUTE.nonce)!],
  ];
  const key = longTermKey(username, realm, credential);
  const codes = [await ask(ALLOCATE, [wanted, ...shown], key)];
  for (const peer of peers) {
    const bytes = peer.split('.').map((part, index) => Number(part) ^ COOKIE[index]);
    codes.push(
      await ask(CREATE_PERMISSION, [[XOR_PEER_ADDRESS, Buffer.of(0, 1, 0x33, 0x33, ...bytes)], ...shown], key),
    );
  }
  wire.close();
  return codes.slice(1).map((answer) => errorCodeIn(answer) ?? 200);
}
