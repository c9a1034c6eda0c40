import type { IncomingMessage, ServerResponse } from 'node:http';
import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Log, Logs } from '../logging/log.js';
import { answerJson, failure } from './json-failure.js';
import { MANAGEMENT } from './management-path.js';
import { isBrokenUpgrade, whatIsBroken } from './root.controller.js';

/**
 * Answers every failed plain request with JSON: the status, its name, and a sentence. Never repeats the request, since
 * a URL may hold a token.
 */
@Catch()
export class HttpErrorFilter implements ExceptionFilter {
  readonly #log: Log<'http'>;

  constructor(logs: Logs) {
    this.#log = logs.for('http');
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<IncomingMessage>();
    const response = host.switchToHttp().getResponse<ServerResponse>();
    const status = statusOf(error);
    if (status === 500) this.#log.write('request_failed', { error: (error as Error).stack });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    answerJson(response, status, bodyOf(error, status, request), {
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(status === 426 && { Upgrade: 'websocket', Connection: 'Upgrade, close' }),
    });
  }
}

/** Health checks answer with their own report. Everything else gets a sentence. */
function bodyOf(error: unknown, status: number, request: IncomingMessage): object {
  const report = error instanceof HttpException ? error.getResponse() : undefined;
  if (status === 503 && typeof report === 'object') return report;
  return failure(status, sentence(error, status, request));
}

function sentence(error: unknown, status: number, request: IncomingMessage): string {
  switch (status) {
    case 404:
      if (request.url?.startsWith(`/${MANAGEMENT}/`)) {
        return 'Nothing here. This is the management address: /, /metrics, /health and /connections; peers connect to listen-addr.';
      }
      return isBrokenUpgrade(request)
        ? `Nothing here. This WebSocket handshake is not complete: ${whatIsBroken(request)}`
        : 'Nothing here. GET / lists the paths of this server; peers connect by WebSocket, on any path.';
    case 500:
      return 'This is a fault of the server; see its log.';
    default:
      return error instanceof HttpException ? error.message : 'The request could not be read.';
  }
}

/**
 * Reads the status of a Nest exception, or of one that Express throws for a malformed request; 500 for anything else.
 */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { status?: unknown }).status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
