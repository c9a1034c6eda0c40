/** One server-sent event, with its data parsed as JSON. */
export interface ServerSentEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads a stream of server-sent events (HTML, section 9.2), one event at a time. */
export class EventStream {
  readonly #decoder = new TextDecoder();
  readonly #reader;
  #text = '';

  private constructor(readonly response: Response) {
    this.#reader = response.body!.getReader();
  }

  static async open(url: string): Promise<EventStream> {
    return new EventStream(await fetch(url));
  }

  /** Resolves to the next event; undefined when the stream has ended, however it did. */
  async next(): Promise<ServerSentEvent | undefined> {
    let end: number;
    while ((end = this.#text.indexOf('\n\n')) < 0) {
      const { done, value } = await this.#reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || value === undefined) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
    const fields = new Map(
      this.#text
        .slice(0, end)
        .split('\n')
        .map((line) => line.split(/: (.*)/s) as [string, string]),
    );
    this.#text = this.#text.slice(end + 2);
    return { name: fields.get('event')!, data: JSON.parse(fields.get('data')!) as Record<string, unknown> };
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}
