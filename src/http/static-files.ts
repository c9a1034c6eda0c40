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

/** Folder of the stylesheet and the icon that all pages share. */
const LOOK = new URL('page/', import.meta.url);

/**
 * A host name or an IPv4 address, with or without a port. Not an IPv6 address: a Content-Security-Policy cannot name
 * one.
 */
const HOST = /^[a-z\d](?:[a-z\d.-]*[a-z\d])?(?::\d{1,5})?$/i;

interface StaticFile {
  readonly type: string;
  readonly content: Buffer;
}

/**
 * Owns the files of a web page: its own and those that all pages share. They are read once and served from memory, with
 * a policy that lets them load from and connect to this server only. Knows no URL paths.
 * Invariant: the name in a request is looked up, never opened as a file.
 */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;

  /**
   * Reads all files of `folder`. `others` adds files of packages: the name they are served under, and their path.
   * Throws if a file cannot be read, or if its extension has no media type here.
   */
  constructor(folder: URL, others: Readonly<Record<string, string | URL>> = {}) {
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

  /** Answers with the file of that name. Throws a NotFoundException (404) if there is none. */
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

/**
 * Returns a Content-Security-Policy (CSP Level 3). It names the origin's own WebSockets if the Host header is a host:
 * before Safari 15.4 they were not part of 'self'.
 */
function policy(host = ''): string {
  const webSockets = HOST.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${webSockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
