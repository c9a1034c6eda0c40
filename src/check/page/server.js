import { notOurs, refused, tokenUnsendable, unreachable } from './fault.js';

/** Milliseconds that an answer may take. */
const PATIENCE_MS = 10_000;

/** What an HTTP header carries, and so what a token can be. */
const SENDABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** The server that this page came from, asked by plain HTTP. The page's own address says where it is, below a path of a proxy's too. */
export class Server {
  #base = new URL('./', location.href);

  /** Where peers connect. */
  get webSocketUrl() {
    const url = new URL(this.#base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  /** Its version. Throws a Fault when nobody answers, or somebody else does. */
  async version() {
    const response = await this.#get('.');
    if (!response.ok) throw notOurs(status(response));
    const { name, version } = (await read(response)) ?? {};
    if (name !== 'cairn-signal' || typeof version !== 'string') throw notOurs('another answer than the server’s');
    return version;
  }

  /**
   * Asks whether a WebSocket would be let in. Throws a Fault when not.
   * @param {string} token empty for none
   */
  async admits(token) {
    if (token !== '' && !SENDABLE.test(token)) throw tokenUnsendable();
    const response = await this.#get('check/auth', token === '' ? {} : { Authorization: `Bearer ${token}` });
    if (response.status === 204) return;
    const answer = await read(response);
    if (typeof answer?.message !== 'string') throw notOurs(status(response));
    throw refused({
      status: response.status,
      message: answer.message,
      retryAfter: response.headers.get('Retry-After'),
      withToken: token !== '',
    });
  }

  /**
   * @param {string} path
   * @param {Record<string, string>} headers
   */
  async #get(path, headers = {}) {
    const options = /** @type {const} */ ({ cache: 'no-store', redirect: 'manual', referrerPolicy: 'origin' });
    try {
      return await fetch(new URL(path, this.#base), { ...options, headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    } catch {
      throw unreachable();
    }
  }
}

/** @param {Response} response */
function status(response) {
  return response.type === 'opaqueredirect' ? 'a redirection' : `HTTP ${response.status}`;
}

/**
 * What the server says is JSON; undefined for anything else.
 * @param {Response} response
 * @returns {Promise<Record<string, unknown> | undefined>}
 */
async function read(response) {
  try {
    const answer = await response.json();
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}
