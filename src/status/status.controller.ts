import { createRequire } from 'node:module';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Head, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { MANAGEMENT } from '../http/management-path.js';
import { isBrokenUpgrade } from '../http/root.controller.js';
import { StaticFiles } from '../http/static-files.js';
import { StatusStreams } from './status-streams.js';

const { resolve } = createRequire(import.meta.url);

/** Files of the chart library, straight from its package. */
const UPLOT = { 'uplot.js': resolve('uplot/dist/uPlot.iife.min.js'), 'uplot.css': resolve('uplot/dist/uPlot.min.css') };

/** Serves the status page and the stream that feeds it, on the management address only. */
@Controller(MANAGEMENT)
export class StatusController {
  readonly #files = new StaticFiles(new URL('page/', import.meta.url), UPLOT);

  constructor(private readonly streams: StatusStreams) {}

  /** Serves the page. A peer that connects to the wrong address gets 404. */
  @Get()
  page(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    if (isBrokenUpgrade(request)) throw new NotFoundException();
    this.#files.answer('status.html', request, response);
  }

  /** Serves a file of the page. The folder keeps the names apart from the other paths of this address. */
  @Get('page/:file')
  file(@Param('file') name: string, @Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    this.#files.answer(name, request, response);
  }

  /** Answers HEAD. Without this, Express would start a stream that nobody reads. */
  @Head('events')
  head(@Res() response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).end();
  }

  @Get('events')
  events(@Res() response: ServerResponse): void {
    this.streams.open(response);
  }
}
