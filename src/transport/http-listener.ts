import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Settings } from '../config/settings.js';
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
 * Nest's HTTP side over a server of our own. Owns the listening socket, its time-outs and TLS; knows nothing of WebSockets.
 * Invariant: a connection that does not become a request in time is given up.
 */
export class HttpListener extends ExpressAdapter {
  constructor(
    private readonly settings: Settings,
    private readonly tls: TlsPair | undefined,
  ) {
    super();
    const express = this.getInstance();
    express.disable('x-powered-by');
    express.disable('etag');
    express.set('query parser', false);
  }

  override initHttpServer(): void {
    const timeout = this.settings.handshakeTimeout;
    const express = this.getInstance() as RequestListener;
    const answer: RequestListener = (request, response) => {
      request.url = pathOf(request.url ?? '');
      express(request, response);
    };
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: timeout,
      requestTimeout: timeout,
      connectionsCheckingInterval: Math.min(LONGEST_CHECK_INTERVAL_MS, timeout),
    };
    this.httpServer =
      this.tls === undefined
        ? createServer(limits, answer)
        : createTlsServer({ ...limits, ...this.tls, minVersion: OLDEST_TLS, handshakeTimeout: timeout }, answer);
    // For a peer that asks and does not read the answers: none of its requests is half-read. Later than 408; `ws` lifts it from its sockets.
    this.httpServer.timeout = 2 * timeout + LONGEST_CHECK_INTERVAL_MS;
    // Their size is bounded. Bounding their number would drop the last ones unseen, and those a proxy wrote stand last.
    this.httpServer.maxHeadersCount = 0;
    this.httpServer.maxRequestsPerSocket = MOST_REQUESTS;
  }

  /** From now on handshakes are made with this pair; connections that exist live on. Only where there was a pair at the start. */
  renewTls(tls: TlsPair): void {
    (this.httpServer as TlsServer).setSecureContext({ ...tls, minVersion: OLDEST_TLS });
  }

  /** Stops listening and cuts the HTTP connections that are still open, half-open ones included. */
  override close(): Promise<void> {
    this.httpServer.close();
    this.httpServer.closeAllConnections();
    return Promise.resolve();
  }
}

/** Where nothing is, for a URL that cannot be read. */
const NOWHERE = '/-';

/**
 * The path and query of a request target (RFC 9112, section 3.2): its absolute form is taken apart here, since Express would
 * parse it with a function that prints what it cannot read, tokens included.
 */
function pathOf(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  if (!URL.canParse(target)) return NOWHERE;
  const url = new URL(target);
  return url.pathname + url.search;
}
