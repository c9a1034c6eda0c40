/**
 * Why something failed, as a code for programs and a sentence for people. Codes of the server are those of
 * docs/protocol.md (`forbidden`, `topic_full`, ...). The client's own:
 *
 * - `unknown`: the connection went before the answer came. The server may have done what it was asked to.
 * - `closed`: `close()` was called, or the server closed for good; the message has its reason.
 * - `left`: the topic was left.
 * - `joined`: the topic is joined already.
 * - `busy`: too much waits for the connection to come back.
 * - `message_too_large`: over `welcome.limits.message`; nothing was sent.
 * - `refused`: the handshake failed.
 * - `unsupported`: the server speaks v1, which cannot do this.
 * - `malformed`: the server sent what no server sends.
 * - `bad_token`: the function for tokens gave something that is no text.
 * - `weak_secret`: it has less than 128 bits.
 * - `bad_note`, `negotiation`: a member sent what no peer sends, or with another secret.
 */
export class SignalError extends Error {
  /** What an Error calls its kind. */
  override readonly name = 'SignalError';
  /** One of the codes above. */
  readonly code: string;
  /** Milliseconds after which it may work, if the server said so. */
  declare readonly retry?: number | undefined;
  /** The HTTP status of a refused handshake, where the WebSocket tells it: the package `ws` does, browsers do not. */
  declare readonly status?: number | undefined;

  constructor(
    code: string,
    message: string,
    more?: { retry?: number | undefined; status?: number | undefined; cause?: unknown },
  ) {
    super(message);
    this.code = code;
    Object.assign(this, more);
  }
}

/** What an EventTarget with these events, by name, has for TypeScript. An event has its fields as properties. */
export interface TypedTarget<Events> {
  /** As the EventTarget of the DOM does it. */
  addEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: ((event: Event & Events[Name]) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** As the EventTarget of the DOM does it. */
  removeEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: ((event: Event & Events[Name]) => void) | null,
    options?: EventListenerOptions | boolean,
  ): void;
  /** As the EventTarget of the DOM does it. */
  dispatchEvent(event: Event): boolean;
}

/** An EventTarget with typed events. */
export class Target<Events> extends (EventTarget as new <E>() => TypedTarget<E>)<Events> {
  /** @internal */
  emit<Name extends keyof Events & string>(type: Name, fields?: Events[Name]): void {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}

/** What whoever asked for it may give up. */
export interface Abortable {
  /** Aborting it rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A promise with what settles it. Nobody has to watch whether it rejects. */
export function defer<T>(): [Promise<T>, (value: T) => void, (error: unknown) => void] {
  let settle: [(value: T) => void, (error: unknown) => void];
  const promise = new Promise<T>((...both) => {
    settle = both;
  });
  promise.catch(() => {});
  return [promise, ...settle!];
}

/** Settles as `work` does, or rejects with the reason of `over` as soon as that is aborted. Leaves no listener behind. */
export function abortable<T>(work: Promise<T>, over?: AbortSignal): Promise<T> {
  if (!over) return work;
  const [aborted, , abort] = defer<never>();
  const stop = (): void => abort(over.reason);
  over.addEventListener('abort', stop);
  if (over.aborted) stop();
  return Promise.race([work, aborted]).finally(() => over.removeEventListener('abort', stop));
}

/** A timer for at most 24 days: one of more would fire at once. */
export function later(run: () => void, ms: number): ReturnType<typeof setTimeout> {
  return setTimeout(run, Math.min(ms, 2 ** 31 - 1));
}

/** What is said of something that is not in the form of the protocol. */
export function malformed(cause?: unknown): SignalError {
  return new SignalError('malformed', 'The server sent what no server sends.', { cause });
}

/** Of what the server sent. */
export function check(good: unknown): void {
  if (!good) throw malformed();
}

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function hex(bytes: Uint8Array): string {
  check(bytes instanceof Uint8Array);
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}
