import { Controller, Get, Header, HttpException, Req } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Settings } from '../config/settings.js';
import { SUBPROTOCOL } from '../protocol/subprotocol.js';
import { VERSION } from '../version.js';

/** Answers a person or a proxy that asks this server by plain HTTP. Needs no token and says nothing about peers. */
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

/** Whether a plain request was meant as a WebSocket handshake. */
export function isBrokenUpgrade({ headers }: IncomingMessage): boolean {
  return (
    /\bwebsocket\b/i.test(headers.upgrade ?? '') ||
    headers['sec-websocket-key'] !== undefined ||
    headers['sec-websocket-version'] !== undefined
  );
}

/** 426 Upgrade Required (RFC 9110, section 15.5.22). */
export class UpgradeRequiredException extends HttpException {
  constructor() {
    super(
      'This is a WebSocket server, but this WebSocket handshake is not complete: ' +
        'does a proxy strip its Upgrade or Connection header?',
      426,
    );
  }
}
