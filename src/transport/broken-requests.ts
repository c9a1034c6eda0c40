import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Refusal } from '../connection/refusal.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';
import { breaksInBody, inTurn } from './answer-order.js';
import { headersTooLarge } from './header-count.js';
import { ShakingHands } from './shaking-hands.js';
import { answerRefusal, lingerThenDestroy } from './upgrade-answer.js';

/** What was refused before there was an upgrade. An address is all that is told of a peer. */
export interface BrokenRequest {
  readonly reason: RefusalReason;
  /** Undefined where nothing could be answered. */
  readonly status?: number;
  /** What was wrong, for the log. */
  readonly why: string;
  readonly remote: string | undefined;
}

export type Tell = (broken: BrokenRequest) => void;

/** What Node's parser reports: an error, with the bytes where it stopped. */
interface ParserError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
}

const NOT_HTTP = new Refusal(400, 'not_http', 'This is not an HTTP/1.1 request.');
const TLS_HELLO = new Refusal(
  400,
  'tls_on_plaintext',
  'A TLS handshake came, but this port speaks plaintext. Use ws:// or http://, or set tls-cert and tls-key.',
);
const PLAIN_HTTP = new Refusal(
  400,
  'plaintext_on_tls',
  'Plaintext HTTP came, but this port speaks TLS. Use wss:// or https://; a proxy in front must speak TLS to it.',
);
const TOO_SLOW = new Refusal(408, 'request_timeout', 'No whole request came within handshake-timeout.');
const CHUNKS_TOO_LARGE = new Refusal(413, 'malformed', 'The chunks of the body have too long extensions.');
const CUT_SHORT = new Refusal(400, 'malformed', 'The connection ended within the request.');

/**
 * Answers what is not HTTP in a sentence, and in its turn, for a server of our own. Node would answer immediately, with
 * an empty body, and drop what was to be said before. Tells of each. `maxHeaderBytes` is the server's own bound.
 */
export function answerBrokenRequests(server: Server, maxHeaderBytes: number, tell: Tell): void {
  const tooLarge = headersTooLarge(maxHeaderBytes);
  const broken = new WeakSet<Duplex>();
  const shakingHands = ShakingHands.of(server);
  server.on('clientError', (error: ParserError, socket: Socket) => {
    const remote = socket.remoteAddress;
    const refusal = error.code === 'HPE_HEADER_OVERFLOW' ? tooLarge : refusalOf(error);
    // The connection or its TLS is broken.
    if (refusal === undefined) {
      const failed = tlsFault(error.code);
      if (failed !== undefined) tell({ ...failed, remote });
      if (failed?.status !== undefined) answerRefusal(shakingHands?.under(socket) ?? socket, PLAIN_HTTP);
      else socket.destroy(error);
      return;
    }
    // What comes behind is broken, too.
    if (broken.has(socket)) return;
    broken.add(socket);
    socket.on('error', () => undefined);
    const afterTheLast = error.code === 'HPE_CLOSED_CONNECTION';
    if (!afterTheLast) tell({ ...inWords(refusal), remote });
    // A request that breaks in its body has an answer of its own.
    const answered = afterTheLast || breaksInBody(socket);
    inTurn(socket, () => {
      if (answered) {
        socket.end();
        lingerThenDestroy(socket);
      } else answerRefusal(socket, refusal);
    });
  });
}

/** What is told of a refusal. */
export function inWords(refusal: Refusal): Omit<BrokenRequest, 'remote'> {
  return { reason: refusal.reason, status: refusal.getStatus(), why: refusal.message };
}

/** The answer to any other request that the parser does not take; undefined where there is no HTTP to answer in. */
function refusalOf({ code = '', rawPacket }: ParserError): Refusal | undefined {
  switch (code) {
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return CHUNKS_TOO_LARGE;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return TOO_SLOW;
    case 'HPE_INVALID_EOF_STATE':
      return CUT_SHORT;
    case 'HPE_INVALID_METHOD':
      return rawPacket !== undefined && isTlsHello(rawPacket) ? TLS_HELLO : NOT_HTTP;
    default:
      return code.startsWith('HPE_') ? NOT_HTTP : undefined;
  }
}

/** Whether bytes begin a TLS handshake: a record of type 22, and the major version (RFC 8446, section 5.1). */
function isTlsHello(bytes: Buffer): boolean {
  return bytes[0] === 22 && bytes[1] === 3;
}

const NOT_TLS =
  ' What came is not TLS. If a proxy sends a PROXY header, set proxy-protocol on and name it in trusted-proxies.';

/** What went wrong with a TLS handshake; undefined where the peer is just gone. */
function tlsFault(code = ''): Omit<BrokenRequest, 'remote'> | undefined {
  if (code === 'ERR_SSL_HTTP_REQUEST') return inWords(PLAIN_HTTP);
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') {
    return { reason: 'request_timeout', why: 'The TLS handshake was not over within handshake-timeout.' };
  }
  if (!code.startsWith('ERR_SSL_') && code !== 'EPROTO') return undefined;
  const advice = code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? NOT_TLS : '';
  return { reason: 'tls_handshake', why: `The TLS handshake failed (${code}).${advice}` };
}
