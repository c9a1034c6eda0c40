/** The path of a URL, as peers write it in a request: visible ASCII without query and fragment. */
const PATH = /^\/[!-"$->@-~]*$/;

/**
 * Where peers connect. Knows nothing of what else an application serves.
 * Invariant: without a path of its own, the server takes every path.
 */
export class ServedPath {
  /** Undefined for every path; otherwise without a slash at its end, unless it is the root. */
  readonly path: string | undefined;

  constructor(path?: string) {
    this.path = path === undefined ? undefined : withoutSlash(path);
  }

  /** What is wrong with a path that an application gives, in a sentence; undefined for nothing. */
  static fault(path: unknown): string | undefined {
    return path === undefined || (typeof path === 'string' && PATH.test(path))
      ? undefined
      : 'path: it must be the path of a URL, such as "/signal"';
  }

  /** Whether upgrades on this path are for this server. */
  takes(pathname: string): boolean {
    return this.path === undefined || withoutSlash(pathname) === this.path;
  }
}

/** The path in a request target, in its origin or absolute form (RFC 9112, section 3.2). */
export function pathnameOf(target = '/'): string {
  const end = target.search(/[?#]/);
  const written = end === -1 ? target : target.slice(0, end);
  if (written.startsWith('/')) return written;
  const authority = written.indexOf('://');
  const path = written.indexOf('/', authority + 3);
  return authority === -1 || path === -1 ? '/' : written.slice(path);
}

function withoutSlash(path: string): string {
  return path.endsWith('/') && path !== '/' ? path.slice(0, -1) : path;
}
