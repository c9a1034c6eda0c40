import { ServerResponse, STATUS_CODES } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { Refusal } from '../connection/refusal.js';
import type { RefusalHeaders } from '../connection/refusal.js';
import { retryAfterOf } from '../connection/retry-after.js';
import { errorStatusOf } from './thrown.js';

/** What the handshake or the answer says itself; a guard's word would break it. */
const OURS =
  /^(?:connection|upgrade|keep-alive|trailer|transfer-encoding|content-length|content-encoding|sec-websocket-.*)$/i;
const CONTENT_TYPE = 'content-type';

/** Short names that Express knows for content types, as far as guards use them. */
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
};

type Value = number | string | readonly string[];

/**
 * The response to an upgrade, as guards see it: `context.switchToHttp().getResponse()`. Owns what they say with it, in
 * the words of Node, Express and Fastify: headers for whatever the answer will be, a status for a guard's refusal, or a
 * whole answer, which refuses. Knows nothing of sockets: UpgradeGate takes from it what was said.
 * Invariant: once it is ended, the peer is not let in.
 */
export class UpgradeResponse extends ServerResponse {
  /** For what guards hand to each other, as in Express. */
  readonly locals: Record<string, unknown> = {};
  /** Resolves when a guard ends the response. */
  readonly answered: Promise<void>;
  readonly #body: Buffer[] = [];
  #answer: () => void = () => undefined;

  constructor(request: ConstructorParameters<typeof ServerResponse>[0]) {
    super(request);
    this.answered = new Promise((resolve) => (this.#answer = resolve));
  }

  /** Fastify's word for headersSent. */
  get sent(): boolean {
    return this.headersSent;
  }

  /** Fastify's way to the response of Node. */
  get raw(): this {
    return this;
  }

  status(code: number): this {
    this.statusCode = code;
    return this;
  }

  code(code: number): this {
    return this.status(code);
  }

  set(name: string | Readonly<Record<string, Value>>, value?: Value): this {
    if (typeof name === 'string') return this.setHeader(name, value!);
    for (const [one, its] of Object.entries(name)) this.setHeader(one, its);
    return this;
  }

  header(name: string | Readonly<Record<string, Value>>, value?: Value): this {
    return this.set(name, value);
  }

  headers(values: Readonly<Record<string, Value>>): this {
    return this.set(values);
  }

  get(name: string): ReturnType<this['getHeader']> {
    return this.getHeader(name) as ReturnType<this['getHeader']>;
  }

  append(name: string, value: string | readonly string[]): this {
    return this.appendHeader(name, value);
  }

  vary(field: string): this {
    return this.append('Vary', field);
  }

  type(value: string): this {
    return this.setHeader(CONTENT_TYPE, TYPES[value] ?? value);
  }

  contentType(value: string): this {
    return this.type(value);
  }

  json(body: unknown): this {
    return this.#typed('json').end(JSON.stringify(body));
  }

  /** As Express: a text is HTML, unless a type is set. */
  send(body?: unknown): this {
    if (body === undefined) return this.end();
    if (typeof body === 'string') return this.#typed('html').end(body);
    if (body instanceof Uint8Array) return this.#typed('application/octet-stream').end(body);
    return this.json(body);
  }

  sendStatus(code: number): this {
    return this.status(code)
      .type('text')
      .end(STATUS_CODES[code] ?? String(code));
  }

  redirect(url: string): this;
  redirect(status: number, url: string): this;
  redirect(...given: [string] | [number, string]): this {
    const [status, url] = given.length === 1 ? [302, given[0]] : given;
    return this.status(status).setHeader('Location', url).end();
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    for (const [name, value] of headersIn(rest.at(-1))) if (value !== undefined) this.setHeader(name, value);
    return super.writeHead(status);
  }

  override write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
    if (!this.headersSent) this.writeHead(this.statusCode);
    this.#keep(chunk, rest);
    return true;
  }

  override end(...given: unknown[]): this {
    const [chunk, ...rest] = given;
    if (this.writableEnded) return this;
    if (!this.headersSent) this.writeHead(this.statusCode);
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      this.#keep(chunk as string | Uint8Array, rest);
    }
    super.end();
    this.#answer();
    return this;
  }

  /** What the guards decided, in the words in which they said it; undefined lets the peer in. */
  complete(refusal: Refusal | undefined): Refusal | undefined {
    const decided = this.writableEnded ? this.#written() : refusal && this.#dressed(refusal);
    // For guards that wait for the end of the request, as they would in plain HTTP.
    this.emit('finish');
    this.emit('close');
    return decided;
  }

  /** Header lines for the peer that is let in. */
  welcome(): string[] {
    return Object.entries(this.#headers()).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));
  }

  #written(): Refusal {
    // An informational status is not an answer, and none is above 599.
    const status = this.statusCode < 200 || this.statusCode > 599 ? 403 : this.statusCode;
    const bytes = Buffer.concat(this.#body);
    const type = this.getHeader(CONTENT_TYPE);
    return new Refusal(status, 'guard', bytes.toString(), {
      headers: this.#headers(),
      body: { bytes, type: type === undefined ? undefined : String(type) },
    });
  }

  /** Where a guard answered `false`, its status says which refusal that is. */
  #dressed(refusal: Refusal): Refusal {
    const saysNo = refusal.reason === 'guard' && refusal.getStatus() === 403;
    return refusal.with(this.#headers(), saysNo ? errorStatusOf(this.statusCode) : undefined);
  }

  #headers(): RefusalHeaders {
    const names = this.getHeaderNames().filter((name) => !OURS.test(name) && name !== CONTENT_TYPE);
    return Object.fromEntries(
      names.map((name) => {
        const value = this.getHeader(name)!;
        return [name, name === 'retry-after' ? retryAfterOf(value)! : textOf(value)];
      }),
    );
  }

  #typed(type: string): this {
    return this.hasHeader(CONTENT_TYPE) ? this : this.type(type);
  }

  #keep(chunk: string | Uint8Array, [encoding]: unknown[]): void {
    this.#body.push(
      typeof chunk === 'string'
        ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
        : Buffer.from(chunk),
    );
  }
}

/** The headers that writeHead takes: an object, or names and values in turn. */
function headersIn(given: unknown): [string, Value | undefined][] {
  if (typeof given !== 'object' || given === null) return [];
  if (!Array.isArray(given)) return Object.entries(given as OutgoingHttpHeaders);
  return given.flatMap((name: string, i) => (i % 2 === 0 ? [[name, given[i + 1] as Value] as [string, Value]] : []));
}

function textOf(value: Value): string | readonly string[] {
  return typeof value === 'number' ? String(value) : value;
}
