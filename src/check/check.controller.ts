import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { answerFailure } from '../http/json-failure.js';
import { StaticFiles } from '../http/static-files.js';
import type { UpgradeRequest } from '../auth/upgrade-request.js';
import { UpgradeGate } from '../transport/upgrade-gate.js';

const INDEX = 'index.html';

/** What the build made of client.js, seen from src/ and from dist/ alike: the client, which the page's peers use. */
const CLIENT = new URL('../../dist/check/client.js', import.meta.url);

/**
 * Serves the page on which a browser tests this server, and answers its questions. Owns the files of the page. Does not
 * decide who may connect: the gateway does. Invariant: the page itself needs no token; everything that it tests does.
 */
@Controller('check')
export class CheckController {
  readonly #files = new StaticFiles(new URL('page/', import.meta.url), { 'client.js': CLIENT });

  constructor(private readonly gate: UpgradeGate) {}

  /**
   * Serves the page. Its links are relative, so that it works below a path of a proxy too. With a slash at the end of
   * its address they would be wrong, so this redirects.
   */
  @Get()
  page(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    if (/\/(?:\?|$)/.test(request.url!)) {
      response.writeHead(308, { Location: '../check', 'Cache-Control': 'no-store' }).end();
    } else this.#files.answer(INDEX, request, response);
  }

  /**
   * Answers 204 if the server would let in a WebSocket with these headers, and its refusal if not. A browser hides the
   * status of a failed handshake from a page, so the page asks here. With a WebSocket a browser sends Origin, but not
   * with this request, so the referrer stands in for it.
   */
  @Get('auth')
  async auth(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    const { headers } = request;
    if (headers.origin === undefined && URL.canParse(headers.referer ?? '')) {
      headers.origin = new URL(headers.referer!).origin;
    }
    const refusal = await this.gate.rehearse(request as UpgradeRequest);
    if (refusal === undefined) response.writeHead(204, { 'Cache-Control': 'no-store' }).end();
    // Not thrown: a refusal is not a fault, whatever its status, and the guard chose its sentence.
    else answerFailure(response, refusal.getStatus(), refusal.message, refusal.headers);
  }

  /** Serves a file of the page, but not the page itself: its relative links would be wrong here. */
  @Get(':file')
  file(@Param('file') name: string, @Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    if (name === INDEX) throw new NotFoundException();
    this.#files.answer(name, request, response);
  }
}
