import { createRequire } from 'node:module';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Head, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { MANAGEMENT } from '../http/management-path.js';
import { isBrokenUpgrade } from '../http/root.controller.js';
import { StaticFiles } from '../http/static-files.js';
import { StatusStreams } from './status-streams.js';

const { resolve } = createRequire(import.meta.url);

/** The chart library, as its package brings it. */
const UPLOT = { 'uplot.js': resolve('uplot/dist/uPlot.iife.min.js'), 'uplot.css': resolve('uplot/dist/uPlot.min.css') };

/** The status page, on the management address alone: what it shows, and where it gets that from. */
@Controller(MANAGEMENT)
export class StatusController {
  readonly #files = new StaticFiles(new URL('page/', import.meta.url), UPLOT);

  constructor(private readonly streams: StatusStreams) {}

  /** The page; a peer that came to the wrong address finds nothing. */
  @Get()
  page(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    if (isBrokenUpgrade(request)) throw new NotFoundException();
    this.#files.answer('status.html', request, response);
  }

  /** A file of the page, in a folder of its own so that none takes the place of what else is at this address. */
  @Get('page/:file')
  file(@Param('file') name: string, @Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    this.#files.answer(name, request, response);
  }

  /** Else Express would have a HEAD begin a stream that nobody hears. */
  @Head('events')
  head(@Res() response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).end();
  }

  @Get('events')
  events(@Res() response: ServerResponse): void {
    this.streams.open(response);
  }
}
