import { constants } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { Server as TcpServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { CertificatePair } from '../config/certificate-pair.js';
import type { Settings } from '../config/settings.js';
import { Refusal } from '../connection/refusal.js';
import { answerFailure } from '../http/json-failure.js';
import { MANAGEMENT } from '../http/management-path.js';
import { FOR_OPERATORS } from './open-files.js';
import { takeOptions } from './options-answer.js';
import { PlainConnections } from './plain-connections.js';
import { originAt, PlainSockets } from './plain-sockets.js';
import { inTurn, OrderedAnswer } from './answer-order.js';
import { answerBrokenRequests, inWords } from './broken-requests.js';
import type { BrokenRequest } from './broken-requests.js';
import { hasTooManyHeaders, MAX_HEADERS, TOO_MANY_HEADERS } from './header-count.js';
import { BAD_HOST, hasBadHost } from './host-header.js';
import { ManagementHosts } from './management-hosts.js';
import { answerRefusal, NOT_A_PROXY } from './upgrade-answer.js';

/** Maximum number of plain requests on one connection: enough for health checks and people, not for floods. */
const MAX_REQUESTS = 16;
/** TLS 1.0 and 1.1 are deprecated (RFC 8996). */
const MIN_TLS = 'TLSv1.2';
/**
 * For client certificates: a resumed session would bring the verdict of its first handshake, without the chain, and a
 * renegotiation (TLS 1.2) another certificate, which Node does not judge again.
 */
const ONE_FULL_HANDSHAKE = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;
/**
 * Maximum milliseconds between two looks of Node for requests that take too long. Its default of 30 s would stretch
 * every timeout.
 */
const MAX_CHECK_INTERVAL_MS = 1000;

/**
 * Runs Nest's HTTP side on our own servers: the public one and, with `management-addr`, one for operators. Owns the
 * listening sockets, their timeouts and TLS. Knows nothing of WebSockets.
 * Invariant: a connection that does not become a request in time is closed. What only operators may see is found only
 * on their address. The answers on a connection go out in the order of the requests.
 */
export class HttpListener extends ExpressAdapter {
  /** Server on `management-addr`; undefined if that is not set. */
  management: Server | undefined;
  /** Hears of every request that is refused before it is an upgrade. */
  onBroken: ((broken: BrokenRequest) => void) | undefined;
  /** What listens on further addresses of a name, for one of the two. */
  readonly others: TcpServer[] = [];

  constructor(private readonly settings: Settings) {
    super();
    const express = this.getInstance();
    express.disable('x-powered-by');
    express.disable('etag');
    express.set('query parser', false);
  }

  override initHttpServer(): void {
    const timeout = this.settings.handshakeTimeout;
    const express = this.getInstance() as RequestListener;
    const limits: ServerOptions<typeof IncomingMessage, typeof OrderedAnswer> = {
      ServerResponse: OrderedAnswer,
      maxHeaderSize: this.settings.maxHeaderBytes,
      // hasBadHost looks at it, and answers in a sentence.
      requireHostHeader: false,
      headersTimeout: timeout,
      requestTimeout: timeout,
      keepAliveTimeout: this.settings.keepAliveTimeout,
      connectionsCheckingInterval: Math.min(MAX_CHECK_INTERVAL_MS, timeout),
    };
    const answer = this.#checked((request, response) => {
      if (hasBadHost(request)) return this.#refuse(BAD_HOST, request, response);
      const path = pathOf(request.url ?? '');
      request.url = OF_OPERATORS.test(path) ? NOWHERE : path;
      express(request, response);
    });
    const { tlsCert, tlsClientCa } = this.settings;
    this.httpServer =
      tlsCert === undefined
        ? createServer(limits, answer)
        : createTlsServer(
            {
              ...limits,
              // A peer without the right certificate is refused at the upgrade. Health needs no certificate.
              requestCert: tlsClientCa !== undefined,
              rejectUnauthorized: false,
              minVersion: MIN_TLS,
              handshakeTimeout: timeout,
            },
            answer,
          );
    if (tlsClientCa !== undefined) this.httpServer.prependListener('secureConnection', forgetBadSignature);
    this.#limitRequests(this.httpServer, timeout);
    if (this.settings.managementAddr === undefined) return;
    const hosts = new ManagementHosts(this.settings);
    const answerOperators = this.#checked((request, response) => {
      if (!hosts.accepts(request)) {
        this.#tell(WRONG_HOST, request);
        answerFailure(response, 421, WRONG_HOST.message);
        return;
      }
      if (hasBadHost(request)) return this.#refuse(BAD_HOST, request, response);
      request.url = `/${MANAGEMENT}${pathOf(request.url ?? '')}`;
      express(request, response);
    });
    this.management = createServer(limits, answerOperators);
    this.#limitRequests(this.management, timeout);
    limitConnections(this.management);
    this.management.on('connect', (request, socket) => {
      socket.on('error', () => undefined);
      this.#tell(NOT_A_PROXY, request);
      inTurn(socket, () => answerRefusal(socket, NOT_A_PROXY));
    });
  }

  /**
   * Uses this pair, and these client authorities (PEM), for new handshakes. Existing connections stay. Call it only if
   * `tls-cert` is set.
   */
  useTls({ cert, key }: CertificatePair, ca?: Buffer): void {
    const secureOptions = ca === undefined ? undefined : ONE_FULL_HANDSHAKE;
    (this.httpServer as TlsServer).setSecureContext({ cert, key, ca, secureOptions, minVersion: MIN_TLS });
  }

  /** Stops listening, and cuts the HTTP connections that are still open, half-open ones included. */
  override close(): Promise<void> {
    for (const other of this.others) other.close();
    for (const server of [this.httpServer as Server, this.management]) {
      server?.close();
      server?.closeAllConnections();
    }
    return Promise.resolve();
  }

  /**
   * Refuses requests with too many headers: Node may have dropped some, and the headers that a proxy wrote come last.
   * Reads
   * OPTIONS as HEAD.
   */
  #checked(answer: (request: IncomingMessage, response: ServerResponse) => void): RequestListener {
    return (request, response) => {
      if (hasTooManyHeaders(request)) return this.#refuse(TOO_MANY_HEADERS, request, response);
      takeOptions(request, response);
      return answer(request, response);
    };
  }

  #limitRequests(server: Server, timeout: number): void {
    answerBrokenRequests(server, this.settings.maxHeaderBytes, (broken) => this.onBroken?.(broken));
    // Node would answer these two with an empty body, or count neither.
    server.on('checkExpectation', (request, response) => {
      this.#tell(UNMET, request);
      answerFailure(response, UNMET.getStatus(), UNMET.message);
    });
    server.on('dropRequest', (request) => this.#tell(TOO_MANY_REQUESTS, request));
    // For a peer that sends requests and does not read the answers: none of its requests is incomplete. This comes
    // after 408. `server.timeout` would make a timer for each WebSocket, too.
    const unread = 2 * timeout + MAX_CHECK_INTERVAL_MS;
    for (const event of ['request', 'checkExpectation', 'dropRequest']) {
      server.prependListener(event, ({ socket }: IncomingMessage) => socket.setTimeout(unread));
    }
    // Node drops further headers, so an incomplete request takes no more memory.
    server.maxHeadersCount = MAX_HEADERS + 1;
    server.maxRequestsPerSocket = MAX_REQUESTS;
  }

  /** Refuses a plain request, and ends its connection. */
  #refuse(refusal: Refusal, request: IncomingMessage, response: ServerResponse): void {
    this.#tell(refusal, request);
    response.shouldKeepAlive = false;
    answerFailure(response, refusal.getStatus(), refusal.message);
  }

  #tell(refusal: Refusal, { socket }: IncomingMessage): void {
    this.onBroken?.({ ...inWords(refusal), remote: socket.remoteAddress });
  }
}

/**
 * Keeps a connection whose client certificate was not signed by the authority that it names. OpenSSL leaves what it
 * thinks of the signature in its queue of errors, and Node takes whatever is there for a fault of its next read, which
 * ends the connection without an answer. Reading a certificate empties the queue. This is called within the read that
 * ends the handshake; where the certificate came in an earlier one, nothing can be done. Not by
 * `getPeerX509Certificate`, which takes the intermediate certificates out of the connection.
 */
function forgetBadSignature(socket: TLSSocket): void {
  if (!socket.authorized) socket.getPeerCertificate();
}

const UNMET = new Refusal(417, 'malformed', 'This server meets no expectation but "100-continue".');
const TOO_MANY_REQUESTS = new Refusal(503, 'requests', `A connection may send at most ${MAX_REQUESTS} requests.`);

/** Keeps management connections within their file handles. Beyond that, one that is not used is closed. */
function limitConnections(management: Server): void {
  const connections = new PlainConnections({
    max: () => FOR_OPERATORS,
    maxOf: () => Infinity,
    mayCutAnswers: true,
    evicted: () => undefined,
  });
  void new PlainSockets(management, connections, {
    ofConnection: ({ remoteAddress }) => originAt(remoteAddress),
    ofRequest: ({ socket }) => originAt(socket.remoteAddress),
  });
}

/** Paths of the management address, as Express matches them. */
const OF_OPERATORS = new RegExp(`^/${MANAGEMENT}(?:[/?]|$)`, 'i');

/** 421 (RFC 9110, section 15.5.20) rather than 403: the name is wrong, not the client. */
const WRONG_HOST = new Refusal(
  421,
  'wrong_host',
  'This host name does not belong to the management address. ' +
    'If it is yours, add it to management-hosts, or use the IP address.',
);

/** A path where nothing is, for a URL that cannot be parsed. */
const NOWHERE = '/-';

/** Visible ASCII without `#` and `\`: with these, Express would see a different path. */
const PATH = /^\/[!-"$-[\]-~]*$/;

/**
 * Returns the path and query of a request target (RFC 9112, section 3.2), such that Express takes them unchanged. The
 * absolute form is parsed here: Express would parse it with a function that prints what it cannot read, tokens
 * included.
 */
function pathOf(target: string): string {
  if (target === '*') return target;
  const path = target.startsWith('/') ? target : pathOfAbsolute(target);
  return PATH.test(path) ? path : NOWHERE;
}

/**
 * A target in absolute form (RFC 9112, section 3.2.2) whose authority fits a host name of 253 characters, a port and a
 * little more. URL takes time quadratic in the length of a host that is not in Latin letters (RFC 3492).
 */
const ABSOLUTE = /^[a-z][a-z\d+.-]*:\/\/[^/?#\\]{1,300}(?:[/?#]|$)/i;

function pathOfAbsolute(target: string): string {
  if (!ABSOLUTE.test(target) || !URL.canParse(target)) return NOWHERE;
  const url = new URL(target);
  return url.pathname + url.search;
}
