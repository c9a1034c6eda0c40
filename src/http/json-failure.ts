import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';

/**
 * Builds the body for a failed plain request: the status, its name, and `message`, which repeats nothing of the
 * request.
 */
export function failure(status: number, message: string): object {
  return { status, error: STATUS_CODES[status] ?? 'Error', message };
}

/** Answers a failed plain request. */
export function answerFailure(
  response: ServerResponse,
  status: number,
  message: string,
  headers?: Readonly<Record<string, string | readonly string[]>>,
): void {
  answerJson(response, status, failure(status, message), headers);
}

/** Answers with `body` as JSON. */
export function answerJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(headers as Record<string, string | string[]>),
  });
  response.end(text);
}
