import { Controller, Get, Header, HttpException, Req, Res } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Settings } from '../config/settings.js';
import { SUBPROTOCOL, SUBPROTOCOLS } from '../protocol/subprotocol.js';
import { VERSION } from '../version.js';
import { FRONT_PAGE_HEADERS, prefersHtml, renderFrontPage } from './front-page.js';

/** Answers a person or a proxy that asks this server by plain HTTP. Needs no token and says nothing about peers. */
@Controller()
export class RootController {
  constructor(private readonly settings: Settings) {}

  /**
   * Says what this is: in JSON, and to a browser in a page with links. 426 to a WebSocket handshake that lost its
   * Upgrade
   * header on the way.
   */
  @Get()
  @Header('Cache-Control', 'no-store')
  @Header('Vary', 'Accept')
  root(@Req() request: IncomingMessage, @Res({ passthrough: true }) response: ServerResponse): object | string {
    if (isBrokenUpgrade(request)) throw new UpgradeRequiredException(request);
    const links: Record<string, string> = {
      health: '/health',
      live: '/health/live',
      ready: '/health/ready',
      ...(this.settings.checkPage && { check: '/check' }),
      ...((this.settings.stunUrls ?? this.settings.turnUrls ?? this.settings.iceProvider) && { ice: '/ice' }),
    };
    if (!prefersHtml(request.headers.accept)) {
      return { name: 'cairn-signal', version: VERSION, protocol: SUBPROTOCOL, protocols: SUBPROTOCOLS, links };
    }
    for (const [name, value] of Object.entries(FRONT_PAGE_HEADERS)) response.setHeader(name, value);
    return renderFrontPage(links);
  }
}

/** Whether a plain request was meant as a WebSocket handshake. */
export function isBrokenUpgrade({ headers }: IncomingMessage): boolean {
  return (
    /\bwebsocket\b/i.test(headers.upgrade ?? '') ||
    headers['sec-websocket-key'] !== undefined ||
    headers['sec-websocket-version'] !== undefined
  );
}

/** What such a handshake lacks, and where to look. */
export function whatIsBroken({ headers }: IncomingMessage): string {
  return headers['sec-websocket-key'] === undefined
    ? 'it has no Sec-WebSocket-Key header.'
    : 'does a proxy strip its Upgrade or Connection header? ' +
        'In nginx, set "proxy_http_version 1.1", "proxy_set_header Upgrade $http_upgrade" and ' +
        '"proxy_set_header Connection upgrade".';
}

/** 426 Upgrade Required (RFC 9110, section 15.5.22). */
export class UpgradeRequiredException extends HttpException {
  constructor(request: IncomingMessage) {
    super(`This is a WebSocket server, but this WebSocket handshake is not complete: ${whatIsBroken(request)}`, 426);
  }
}
