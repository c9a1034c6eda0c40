import type { IncomingMessage, ServerResponse } from 'node:http';

const ALLOW = { Allow: 'GET, HEAD, OPTIONS', 'Cache-Control': 'no-store' };

/**
 * Has OPTIONS answered as HEAD would be, with 204 and `Allow` where that succeeds. Load balancers ask with OPTIONS
 * whether a server is healthy, and must hear of a failure as from GET. Does nothing with other methods.
 * A browser's preflight is left to the controller of its path, if that answers any: it says which pages may ask.
 * `OPTIONS *`, a ping of the server as a whole (RFC 9110, section 9.3.7), is answered as for `/`.
 */
export function takeOptions(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'OPTIONS') return;
  if (request.url === '*') request.url = '/';
  if (isPreflight(request)) return;
  request.method = 'HEAD';
  const writeHead = response.writeHead.bind(response) as (status: number, ...given: unknown[]) => ServerResponse;
  const allowed = (status: number, ...given: unknown[]): ServerResponse => {
    if (status >= 400) return writeHead(status, ...given);
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    return writeHead(204, ALLOW);
  };
  // On the answer itself, since Express replaces its prototype.
  response.writeHead = allowed;
}

/** Whether a browser asks for a page whether it may ask (Fetch, section 3.2.2). Load balancers do not send this header. */
function isPreflight({ headers }: IncomingMessage): boolean {
  return headers['access-control-request-method'] !== undefined;
}
