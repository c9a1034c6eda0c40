import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { NotFoundException } from '@nestjs/common';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What all pages look like: the stylesheet and the icon that they share. */
const LOOK = new URL('page/', import.meta.url);

/** A host name or an IPv4 address, and a port. An IPv6 address is none: a Content-Security-Policy cannot name one. */
const HOST = /^[a-z\d](?:[a-z\d.-]*[a-z\d])?(?::\d{1,5})?$/i;

interface StaticFile {
  readonly type: string;
  readonly content: Buffer;
}

/**
 * The files of a web page, its own and those that all pages share, read once and answered from memory, under a policy that lets
 * them load and reach nothing but this very server. Knows no paths. Invariant: what a request names is looked up, never opened.
 */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;

  /** All files of `folder`, and of packages those in `others`, by the name they are served under. Throws for one that cannot be read or has no type here. */
  constructor(folder: URL, others: Readonly<Record<string, string>> = {}) {
    const paths = [LOOK, folder].flatMap((from) =>
      readdirSync(from).map((name) => [name, new URL(name, from)] as const),
    );
    this.#files = new Map(
      [...paths, ...Object.entries(others)].map(([name, path]) => [
        name,
        { type: typeOf(name), content: readFileSync(path) },
      ]),
    );
  }

  /** Answers with the file of that name. Throws a NotFoundException (404). */
  answer(name: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.#files.get(name);
    if (file === undefined) throw new NotFoundException();
    response.writeHead(200, {
      'Content-Type': file.type,
      'Content-Length': file.content.length,
      'Cache-Control': 'no-store',
      'Content-Security-Policy': policy(request.headers.host),
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
    });
    response.end(file.content);
  }
}

function typeOf(name: string): string {
  const type = TYPES[extname(name)];
  if (type === undefined) throw new Error(`${name}: a page has no files of this kind`);
  return type;
}

/** CSP Level 3. Before Safari 15.4, 'self' was not the origin's own WebSockets, so they are named, where the Host header is a host. */
function policy(host = ''): string {
  const webSockets = HOST.test(host) ? ` ws://${host} wss://${host}` : '';
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'${webSockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
