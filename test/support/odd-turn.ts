import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { ATTRIBUTE, CLASS, encodeStun, longTermKey, METHOD, readStun } from '../../src/turn/stun-message.js';
import type { StunMessage } from '../../src/turn/stun-message.js';

/** Misbehaving STUN and TURN servers over UDP, on free ports of loopback. stopOddTurn ends all of them. */
const running = new Set<Socket>();

export async function stopOddTurn(): Promise<void> {
  for (const socket of running) {
    socket.close();
    await once(socket, 'close');
  }
  running.clear();
}

/** Hears every packet. Resolves to the port. */
export async function startUdp(onPacket: (packet: Buffer, reply: (bytes: Buffer) => void) => void): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (packet, { port, address }) => onPacket(packet, (bytes) => socket.send(bytes, port, address)));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  running.add(socket);
  return socket.address().port;
}

/** A UDP port of loopback on which nothing listens. */
export async function unusedUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** What credentials are good at these servers. */
export const USERNAME = '1900000000:0123456789abcdef';
export const PASSWORD = 'a password';
export const REALM = Buffer.from('odd.test');
const KEY = longTermKey(USERNAME, REALM, PASSWORD);

/** 127.0.0.1, port 0x1234, in the form of XOR-MAPPED-ADDRESS. */
const LOCAL = Buffer.of(0, 1, 0x12 ^ 0x21, 0x34 ^ 0x12, 127 ^ 0x21, 0x12, 0xa4, 1 ^ 0x42);

type Attributes = readonly (readonly [type: number, value: Buffer])[];

export function answer(to: StunMessage, kind: number, attributes: Attributes, key?: Buffer): Buffer {
  return encodeStun({ method: to.method, kind, transaction: to.transaction, attributes }, key);
}

/** A refusal with a code. */
export function refusal(to: StunMessage, code: number, ...attributes: Attributes): Buffer {
  const value = Buffer.of(0, 0, Math.floor(code / 100), code % 100);
  return answer(to, CLASS.error, [[ATTRIBUTE.errorCode, value], ...attributes]);
}

/** What asks for credentials. */
export function challenge(to: StunMessage, code = 401, nonce = 'nonce'): Buffer {
  return refusal(to, code, [ATTRIBUTE.realm, REALM], [ATTRIBUTE.nonce, Buffer.from(nonce)]);
}

/** An allocation, signed unless told otherwise. */
export function allocation(
  to: StunMessage,
  attributes: Attributes = [[ATTRIBUTE.xorRelayedAddress, LOCAL]],
  key = KEY,
): Buffer {
  return answer(to, CLASS.success, [...attributes, [ATTRIBUTE.xorMappedAddress, LOCAL]], key);
}

/** Does what a TURN server does, except where `odd` says otherwise; `odd` is asked with the number of the message. */
export function startTurn(
  odd: (message: StunMessage, number: number) => Buffer | undefined = () => undefined,
): Promise<number> {
  let number = 0;
  return startUdp((packet, reply) => {
    const message = readStun(packet)!;
    number += 1;
    reply(odd(message, number) ?? honest(message));
  });
}

function honest(message: StunMessage): Buffer {
  if (message.method === METHOD.binding) return answer(message, CLASS.success, [[ATTRIBUTE.xorMappedAddress, LOCAL]]);
  if (!message.attributes.has(ATTRIBUTE.username)) return challenge(message);
  if (!message.signedWith(KEY)) return challenge(message);
  return message.method === METHOD.allocate ? allocation(message) : answer(message, CLASS.success, [], KEY);
}
