import { notOurs, refused, tokenUnsendable, unreachable } from './fault.js';

/** Milliseconds that the page waits for an answer. */
const PATIENCE_MS = 10_000;

/** Text that an HTTP header can carry, and so the form of a token. */
const SENDABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * The server that this page came from, over plain HTTP. Owns its address, which it derives from the address of the
 * page, also below a path of a proxy. Does not know WebSockets. Invariant: throws nothing but Faults.
 */
export class Server {
  #base = new URL('./', location.href);

  /** The URL that peers connect to. */
  get webSocketUrl() {
    const url = new URL(this.#base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  /** Version of the server. Throws a Fault when there is no answer, or when something else answers. */
  async version() {
    const response = await this.#get('.');
    if (!response.ok) throw notOurs(status(response));
    const { name, version } = (await read(response)) ?? {};
    if (name !== 'cairn-signal' || typeof version !== 'string') throw notOurs('not the answer of the server');
    return version;
  }

  /**
   * Asks whether the server would let in a WebSocket. Throws a Fault if not.
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
 * Reads a JSON object from an answer; undefined for anything else.
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
