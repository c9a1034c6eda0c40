import { afterAll, beforeAll, expect } from '@jest/globals';
import fc from 'fast-check';
import { clientFrame } from '../support/client-frame.js';
import { mutated } from '../support/mutation.js';
import { Peer, relayMessage } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { relayFrame } from '../support/relay-frames.js';
import { property } from './property.js';

/** The program as it ships. If it ends, nothing hides that, and its log shows what it makes of the input. */
const FLAGS = [
  '--listen-addr',
  '127.0.0.1:0',
  '--max-message-bytes',
  '4096',
  '--max-connections',
  '1000',
  '--log-format',
  'json',
];
/** The topic on which honest peers answer: too long to be hit by chance. */
const ANSWERS = 'where the resident hears what the honest answer';
/** Milliseconds after which the server hangs: nothing here comes near it. */
const HANGING_MS = 5000;

let program: Program;
let port: number;
/** Connected and subscribed all the time. Hears the honest peers, and nobody else. */
let resident: Peer;
let runs = 0;

async function start(): Promise<void> {
  program = new Program(FLAGS, { RUST_LOG: 'info' });
  port = await program.port();
  resident = await Peer.connect(`ws://127.0.0.1:${port}`);
  resident.subscribe(ANSWERS);
  await resident.sync();
}

beforeAll(start);
afterAll(async () => {
  program.signal('SIGTERM');
  const { code, stdout, stderr } = await program.ended;
  expect({ code, stderr, faults: faultsIn(stdout) }).toEqual({ code: 0, stderr: '', faults: [] });
});
afterAll(endPrograms);

// --- what is written

/** Bytes to write: in how many pieces, and whether the connection then ends or breaks. */
interface Written {
  readonly bytes: Buffer;
  readonly pieces: number;
  readonly breaks: boolean;
}

function written(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Written> {
  return fc.record({
    bytes,
    pieces: fc.constantFrom(1, 1, 2, 5, 20),
    breaks: fc.constantFrom(false, false, false, true),
  });
}

/** Writes it to a new connection, which is over afterwards. Then the server must serve as before. */
async function survives(what: Written): Promise<void> {
  try {
    await answered(serves(what));
    expect(faultsIn(program.output)).toEqual([]);
  } catch (error) {
    // The next run must not fail because of this one.
    program.signal('SIGKILL');
    const { code, stderr } = await program.ended;
    await start();
    if (code === null) throw error;
    throw new Error(`the program ended with ${code}: ${stderr}`, { cause: error });
  }
}

/** Rejects if a server that hangs leaves `done` pending. */
async function answered(done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const hanging = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the server hangs, for ${HANGING_MS} ms by now`)), HANGING_MS);
  });
  await Promise.race([done, hanging]);
  clearTimeout(timer);
}

/** Everything that the server sends until the connection is over. */
async function answerTo({ bytes, pieces, breaks }: Written): Promise<string> {
  const connection = await RawConnection.open(port);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    await new Promise<void>((resolve) => connection.socket.write(piece, () => resolve()));
  }
  if (breaks) connection.socket.resetAndDestroy();
  else connection.socket.end();
  return connection.ended;
}

/**
 * Resolves when the connection is over, and an honest peer has connected, subscribed, been relayed to, answered and
 * left.
 */
async function serves(what: Written): Promise<void> {
  expect(await answerTo(what)).not.toMatch(/^HTTP\/1\.1 5/m);
  const topic = `topic ${++runs}`;
  const peer = await Peer.connect(`ws://127.0.0.1:${port}`);
  peer.subscribe(topic);
  await peer.sync();
  resident.relay(topic, 'offer');
  expect(await peer.next()).toEqual(relayMessage(topic, 'offer'));
  peer.relay(ANSWERS, topic);
  expect(await resident.next()).toEqual(relayMessage(ANSWERS, topic));
  expect(await peer.close()).toMatchObject({ code: 1000 });
  expect([...resident.received, ...resident.texts]).toEqual([]);
}

/** Log lines that must not appear. */
function faultsIn(log: string): string[] {
  return log.split('\n').filter((line) => /"level":"(?:warn|error|fatal)"/.test(line));
}

// --- frames

const messages = fc.oneof(
  relayFrame,
  mutated(relayFrame),
  fc
    .constantFrom(
      '{"type":"publish","topic":"t","payload":"eA=="}',
      '{"type":"query","topic":"t"}',
      '{"type":"query"}',
      'null',
      '[]',
      '\xff',
      '',
    )
    .map((text) => Buffer.from(text, 'latin1')),
  fc
    .constantFrom('', '03e8', '03e9', '0fa1', '03', '03e8ff', `03e8${'61'.repeat(123)}`, `03e8${'61'.repeat(124)}`)
    .map((hex) => Buffer.from(hex, 'hex')),
  fc.uint8Array({ maxLength: 130, size: 'max' }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(4096, 4097, 65_536).map((size) => Buffer.alloc(size)),
);

/** A client's frame, valid or not: its length may be wrong, or written longer than necessary. */
const frame = fc
  .record({
    final: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
    reserved: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 7 })),
    opcode: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(0, 1, 2, 2, 8, 9, 10) }, fc.nat(15)),
    masked: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
    message: messages,
    claimed: fc.oneof(
      { weight: 9, arbitrary: fc.constant(undefined) },
      fc.constantFrom(0n, 1n, 125n, 4096n, 65_535n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
    ),
    lengthBytes: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constantFrom(2, 8)),
  })
  .map(({ final, reserved, opcode, masked, message, claimed, lengthBytes }) => {
    const length = claimed ?? BigInt(message.length);
    const least = length < 126n ? 0 : length < 65_536n ? 2 : 8;
    const size = Math.max(least, lengthBytes);
    const head = Buffer.alloc(2 + size);
    head[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode;
    head[1] = (masked ? 0x80 : 0) | (size === 0 ? Number(length) : size === 2 ? 126 : 127);
    if (size === 2) head.writeUInt16BE(Number(length), 2);
    if (size === 8) head.writeBigUInt64BE(length, 2);
    // A mask of zeros changes nothing.
    return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), message]);
  });
const framesOnWebSocket = fc
  .array(frame, { maxLength: 8 })
  .map((frames) => Buffer.concat([Buffer.from(HANDSHAKE), ...frames]));

property('any frames on a WebSocket leave the server serving', written(framesOnWebSocket), survives);

// --- requests

const token = fc.oneof(
  fc.constantFrom(
    'websocket',
    'Upgrade',
    'keep-alive, Upgrade',
    'close',
    'h2c',
    '13',
    '8',
    '0',
    '5',
    '-1',
    '99999999999999999999',
    'chunked',
    '100-continue',
    'gzip',
    '',
  ),
  fc.string({ unit: 'binary-ascii' }),
);
const header = fc
  .tuple(
    fc.oneof(
      {
        weight: 9,
        arbitrary: fc.constantFrom(
          'Host',
          'Connection',
          'Upgrade',
          'Sec-WebSocket-Version',
          'Sec-WebSocket-Key',
          'Sec-WebSocket-Protocol',
          'Sec-WebSocket-Extensions',
          'Authorization',
          'Content-Length',
          'Transfer-Encoding',
          'Expect',
          'TE',
          'Trailer',
          '__proto__',
          'Origin',
        ),
      },
      fc.string({ unit: 'binary-ascii', maxLength: 10 }),
    ),
    fc.oneof(
      token,
      fc.constantFrom(
        'AAAAAAAAAAAAAAAAAAAAAA==',
        'cairn-signal, bearer.eA',
        ',,',
        'permessage-deflate; client_max_window_bits',
        'Bearer x',
        'x'.repeat(17_000),
      ),
    ),
  )
  .map(([name, value]) => `${name}: ${value}`);
const request = fc
  .record({
    method: fc.oneof(
      { weight: 3, arbitrary: fc.constant('GET') },
      fc.constantFrom('POST', 'HEAD', 'OPTIONS', 'CONNECT', 'PRI', 'DELETE', 'get', ''),
    ),
    target: fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          '/',
          '/health',
          '/health/live',
          '/health/ready',
          '*',
          '//',
          '/%',
          'http://h/',
          'http://[::1',
          'localhost:443',
          '/?a=b#c',
          `/${'x'.repeat(17_000)}`,
        ),
      },
      fc.webPath(),
      token,
    ),
    version: fc.oneof(
      { weight: 9, arbitrary: fc.constant('HTTP/1.1') },
      fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
    ),
    handshake: fc.boolean(),
    headers: fc.array(header, { maxLength: 4 }),
    body: fc.oneof(
      { weight: 2, arbitrary: fc.constant('') },
      fc.constantFrom('5\r\nhello\r\n0\r\n\r\n', 'hello', 'ffffffffffffffff\r\n', '\r\n\r\n'),
      fc.string({ unit: 'binary-ascii' }),
    ),
  })
  .map(({ method, target, version, handshake, headers, body }) => {
    const lines = handshake ? HANDSHAKE.trimEnd().split('\r\n').slice(1) : ['Host: localhost'];
    return Buffer.from(
      `${[`${method} ${target} ${version}`, ...lines, ...headers].join('\r\n')}\r\n\r\n${body}`,
      'latin1',
    );
  });
const requests = fc
  .array(fc.oneof({ weight: 3, arbitrary: request }, mutated(request), frame), { minLength: 1, maxLength: 5 })
  .map((all) => Buffer.concat(all));

property('any requests leave the server serving', written(requests), survives);

// --- sessions

const said = fc.oneof(
  fc.constantFrom<[number, Buffer | string]>(
    [0x82, Buffer.from('a169537562736372696265a165746f7069636174', 'hex')],
    [0x82, relayMessage('t', 'offer')],
    [0x02, relayMessage('t', 'of')],
    [0x80, relayMessage('t', 'fer')],
  ),
  fc.constantFrom<[number, Buffer | string]>(
    [0x81, '{"type":"publish","topic":"t","payload":"eA=="}'],
    [0x81, '{"type":"announce","topic":"t","addresses":["x"]}'],
    [0x81, '{"type":"query","topic":"t"}'],
  ),
  fc.constantFrom<[number, Buffer | string]>([0x89, 'ping'], [0x8a, 'pong'], [0x88, Buffer.from([3, 232])]),
);
const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const session = fc
  .array(
    fc.tuple(said, mask).map(([[initial, message], bytes]) => clientFrame(initial, message, bytes)),
    { maxLength: 10 },
  )
  .map((frames) => Buffer.concat([Buffer.from(HANDSHAKE), ...frames]));

property('a real session with changed bytes leaves the server serving', written(mutated(session)), survives);
