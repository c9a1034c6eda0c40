import { Controller, Get, Header, HttpException, Req } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Settings } from '../config/settings.js';
import { SUBPROTOCOL } from '../protocol/subprotocol.js';
import { VERSION } from '../version.js';

/** What a person or a proxy sees who asks this server by plain HTTP. Needs no token and tells nothing about peers. */
@Controller()
export class RootController {
  constructor(private readonly settings: Settings) {}

  /** Says what this is; 426 to a WebSocket handshake that lost its Upgrade header on the way. */
  @Get()
  @Header('Cache-Control', 'no-store')
  root(@Req() request: IncomingMessage): object {
    if (isBrokenUpgrade(request)) throw new UpgradeRequiredException();
    return {
      name: 'cairn-signal',
      version: VERSION,
      protocol: SUBPROTOCOL,
      links: {
        health: '/health',
        live: '/health/live',
        ready: '/health/ready',
        ...(this.settings.checkPage && { check: '/check' }),
      },
    };
  }
}

/** Meant as a WebSocket handshake, yet arrived as a plain request. */
export function isBrokenUpgrade({ headers }: IncomingMessage): boolean {
  return (
    headers.upgrade?.toLowerCase() === 'websocket' ||
    headers['sec-websocket-key'] !== undefined ||
    headers['sec-websocket-version'] !== undefined
  );
}

/** 426 Upgrade Required (RFC 9110, section 15.5.22). */
export class UpgradeRequiredException extends HttpException {
  constructor() {
    super(
      'This is a WebSocket server, and the request is not a whole WebSocket handshake: does a proxy strip its Upgrade or Connection header?',
      426,
    );
  }
}
