import type { IncomingMessage } from 'node:http';
import { Refusal } from '../connection/refusal.js';

/**
 * `[ uri-host [ ":" port ] ]` (RFC 9112, section 3.2): nothing, an IP literal in brackets, or an IPv4 address or a
 * name.
 */
const HOST = /^(?:\[[\w.:~%!$&'()*+,;=-]+\]|[\w.~%!$&'()*+,;=-]*)(?::\d*)?$/;

/** The answer to a request that RFC 9112, section 3.2, has servers refuse. */
export const BAD_HOST = new Refusal(
  400,
  'malformed',
  'A request must have exactly one Host header, with a host name or an address (RFC 9112, section 3.2).',
);

/** Returns the value of every Host header of a request; Node's `headers` has only the first one. */
export function hostsOf({ rawHeaders }: IncomingMessage): string[] {
  const hosts: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i].length === 4 && rawHeaders[i].toLowerCase() === 'host') hosts.push(rawHeaders[i + 1]);
  }
  return hosts;
}

/** Whether a request has no Host header (which HTTP/1.0 allows), several, or one that cannot be a host. */
export function hasBadHost(request: IncomingMessage): boolean {
  const hosts = hostsOf(request);
  if (hosts.length === 0) return request.httpVersion !== '1.0';
  return hosts.length > 1 || !HOST.test(hosts[0]);
}
