import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { answerJson, failure } from '../http/json-failure.js';
import { StaticFiles } from '../http/static-files.js';
import type { UpgradeRequest } from '../auth/upgrade-request.js';
import { UpgradeGate } from '../transport/upgrade-gate.js';

const INDEX = 'index.html';

/** cbor-x as a browser takes it, without `eval`, which the page's policy forbids. */
const CBOR_X = join(dirname(createRequire(import.meta.url).resolve('cbor-x/index-no-eval')), 'index-no-eval.min.js');

/** A page on which a browser tries this server, and what that page asks it. The page needs no token; what it does with one does. */
@Controller('check')
export class CheckController {
  readonly #files = new StaticFiles(new URL('page/', import.meta.url), { 'cbor-x.js': CBOR_X });

  constructor(private readonly gate: UpgradeGate) {}

  /** The page. It finds its files beside it, so that it works below a path of a proxy's too; a slash too many would lead astray. */
  @Get()
  page(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    if (/\/(?:\?|$)/.test(request.url!)) {
      response.writeHead(308, { Location: '../check', 'Cache-Control': 'no-store' }).end();
    } else this.#files.answer(INDEX, request, response);
  }

  /**
   * 204 where a WebSocket with these headers would be let in, else its refusal: the status of a failed handshake is what a
   * browser keeps from a page. It leaves Origin out here, which it sends with a WebSocket: the referrer stands in for it.
   */
  @Get('auth')
  async auth(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    const { headers } = request;
    if (headers.origin === undefined && URL.canParse(headers.referer ?? '')) {
      headers.origin = new URL(headers.referer!).origin;
    }
    const refusal = await this.gate.rehearse(request as UpgradeRequest);
    if (refusal === undefined) response.writeHead(204, { 'Cache-Control': 'no-store' }).end();
    // Not thrown: whatever its status, it is no fault, and its sentence is the guard's own.
    else answerJson(response, refusal.getStatus(), failure(refusal.getStatus(), refusal.message), refusal.headers);
  }

  /** A file of the page; not the page itself, which would look for its files in the wrong place. */
  @Get(':file')
  file(@Param('file') name: string, @Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    if (name === INDEX) throw new NotFoundException();
    this.#files.answer(name, request, response);
  }
}
