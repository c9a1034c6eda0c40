import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Settings } from '../config/settings.js';
import { answerJson, failure } from '../http/json-failure.js';
import { MANAGEMENT } from '../http/management-path.js';
import { FOR_OPERATORS } from './open-files.js';
import { PlainConnections } from './plain-connections.js';
import { originAt, PlainSockets } from './plain-sockets.js';
import { answerBrokenRequests, inTurn, OrderedAnswer } from './answer-order.js';
import { hasTooManyHeaders, MOST_HEADERS, TOO_MANY_HEADERS } from './header-count.js';
import { ManagementHosts } from './management-hosts.js';
import { answerRefusal, NOT_A_PROXY } from './upgrade-answer.js';
import type { TlsPair } from './tls.js';

/** Bytes of request line and headers that are taken; more is answered 431. */
const MAX_HEADER_BYTES = 16 * 1024;
/** Plain requests on one connection; for health checks and people, not for floods. */
const MOST_REQUESTS = 16;
/** TLS 1.0 and 1.1 are not spoken any more (RFC 8996). */
const OLDEST_TLS = 'TLSv1.2';
/** How often, in milliseconds, Node looks for requests that take too long; its own 30 s would stretch every time-out. */
const LONGEST_CHECK_INTERVAL_MS = 1000;

/**
 * Nest's HTTP side over servers of our own: the public one and, where `management-addr` is set, one for operators. Owns the
 * listening sockets, their time-outs and TLS; knows nothing of WebSockets.
 * Invariant: a connection that does not become a request in time is given up; what only operators may see is found on their
 * address alone; the answers on a connection go out in the order of the requests.
 */
export class HttpListener extends ExpressAdapter {
  /** What listens on `management-addr`, if that is set. */
  management: Server | undefined;

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
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: timeout,
      requestTimeout: timeout,
      connectionsCheckingInterval: Math.min(LONGEST_CHECK_INTERVAL_MS, timeout),
    };
    const answer = judged((request, response) => {
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
              // A peer without the right certificate is told so at the upgrade, and health needs none.
              requestCert: tlsClientCa !== undefined,
              rejectUnauthorized: false,
              minVersion: OLDEST_TLS,
              handshakeTimeout: timeout,
            },
            answer,
          );
    bound(this.httpServer, timeout);
    if (this.settings.managementAddr === undefined) return;
    const hosts = new ManagementHosts(this.settings);
    const answerOperators = judged((request, response) => {
      if (!hosts.accepts(request)) {
        answerJson(response, 421, WRONG_HOST);
        return;
      }
      request.url = `/${MANAGEMENT}${pathOf(request.url ?? '')}`;
      express(request, response);
    });
    this.management = createServer(limits, answerOperators);
    bound(this.management, timeout);
    boundNumber(this.management);
    this.management.on('connect', (_request, socket) => {
      socket.on('error', () => undefined);
      inTurn(socket, () => answerRefusal(socket, NOT_A_PROXY));
    });
  }

  /** Makes handshakes with this pair from now on; connections that exist live on. Only where `tls-cert` is set. */
  useTls(tls: TlsPair): void {
    (this.httpServer as TlsServer).setSecureContext({ ...tls, minVersion: OLDEST_TLS });
  }

  /** Stops listening and cuts the HTTP connections that are still open, half-open ones included. */
  override close(): Promise<void> {
    for (const server of [this.httpServer as Server, this.management]) {
      server?.close();
      server?.closeAllConnections();
    }
    return Promise.resolve();
  }
}

/** Refuses a request of which headers may have been dropped: those that a proxy wrote stand last. */
function judged(answer: (request: IncomingMessage, response: ServerResponse) => void): RequestListener {
  return (request, response) => {
    if (!hasTooManyHeaders(request)) return answer(request, response);
    response.shouldKeepAlive = false;
    return answerJson(
      response,
      TOO_MANY_HEADERS.getStatus(),
      failure(TOO_MANY_HEADERS.getStatus(), TOO_MANY_HEADERS.message),
    );
  };
}

function bound(server: Server, timeout: number): void {
  answerBrokenRequests(server);
  // For a peer that asks and does not read the answers: none of its requests is half-read. Later than 408; `ws` lifts it from its sockets.
  server.timeout = 2 * timeout + LONGEST_CHECK_INTERVAL_MS;
  // Node drops those beyond, and holds no more of a request that is not whole.
  server.maxHeadersCount = MOST_HEADERS + 1;
  server.maxRequestsPerSocket = MOST_REQUESTS;
}

/** As many connections as have handles: of more, one that is not used makes way. */
function boundNumber(management: Server): void {
  const connections = new PlainConnections({
    most: () => FOR_OPERATORS,
    mostOf: () => Infinity,
    answersMayEnd: true,
    madeWay: () => undefined,
  });
  void new PlainSockets(management, connections, {
    ofConnection: ({ remoteAddress }) => originAt(remoteAddress),
    ofRequest: ({ socket }) => originAt(socket.remoteAddress),
  });
}

/** Paths of the management address, as Express would find them. */
const OF_OPERATORS = new RegExp(`^/${MANAGEMENT}(?:[/?]|$)`, 'i');

/** 421 (RFC 9110, section 15.5.20) rather than 403: it is the name that is wrong, not who asks. */
const WRONG_HOST = failure(
  421,
  'This host name is not one of the management address. If it is yours, add it to management-hosts; or use the IP address.',
);

/** Where nothing is, for a URL that cannot be read. */
const NOWHERE = '/-';

/** Visible ASCII less `#` and `\`: with these in it, Express would read another path than the one that stands there. */
const PATH = /^\/[!-"$-[\]-~]*$/;

/**
 * The path and query of a request target (RFC 9112, section 3.2), such that Express takes them as they stand: its absolute form
 * is taken apart here, since Express would parse it with a function that prints what it cannot read, tokens included.
 */
function pathOf(target: string): string {
  if (target === '*') return target;
  const path = target.startsWith('/') ? target : pathOfAbsolute(target);
  return PATH.test(path) ? path : NOWHERE;
}

/**
 * A target in absolute form (RFC 9112, section 3.2.2) whose authority is no longer than a host name of 253 characters, a port and a
 * little more: URL takes time in the square of a host's length where that is not in Latin letters (RFC 3492).
 */
const ABSOLUTE = /^[a-z][a-z\d+.-]*:\/\/[^/?#\\]{1,300}(?:[/?#]|$)/i;

function pathOfAbsolute(target: string): string {
  if (!ABSOLUTE.test(target) || !URL.canParse(target)) return NOWHERE;
  const url = new URL(target);
  return url.pathname + url.search;
}
