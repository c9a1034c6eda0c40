import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** The subject of a topic's records or relays, with the default prefix. */
export const subjectOf = (kind: 'topic' | 'records', topic: string): string =>
  `cairn.${kind}.${createHash('sha256').update(topic).digest('base64url')}`;

/** Another client of the bus: sends what a test gives it, in NATS's own protocol. */
export class RawNats {
  /** Number of nodes' questions that it received. */
  questions = 0;
  /** Bytes that it received, except questions. */
  heardBytes = 0;
  #answer: readonly (string | Buffer)[] = [];
  #rest = '';

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    // A question ends when no answer has come for a while.
    socket.setNoDelay(true);
    socket.on('data', (text: string) => this.#hear(text));
    socket.write('CONNECT {"verbose":false}\r\nSUB cairn.records.> 1\r\nSUB _STRANGER.> 2\r\n');
  }

  static async join(port: number): Promise<RawNats> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const nats = new RawNats(socket);
    await nats.flush();
    return nats;
  }

  /** Answers every question from now on with all of these. */
  answer(...answers: readonly (string | Buffer | object)[]): void {
    this.#answer = answers.map((answer) =>
      typeof answer === 'string' || Buffer.isBuffer(answer) ? answer : JSON.stringify(answer),
    );
  }

  publish(subject: string, message: string | Buffer, reply = ''): void {
    const bytes = Buffer.from(message);
    this.socket.write(
      Buffer.concat([Buffer.from(`PUB ${subject} ${reply} ${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]),
    );
  }

  /** A barrier: resolves when the server has taken everything that was sent before. */
  async flush(): Promise<void> {
    const answered = once(this.socket, 'pong');
    this.socket.write('PING\r\n');
    await answered;
  }

  leave(): void {
    this.socket.destroy();
  }

  #hear(text: string): void {
    this.#rest += text;
    for (;;) {
      const end = this.#rest.indexOf('\r\n');
      if (end < 0) return;
      const [word, , sid, ...more] = this.#rest.slice(0, end).split(' ');
      if (word === 'MSG') {
        const length = Number(more.at(-1));
        if (this.#rest.length < end + length + 4) return;
        this.#rest = this.#rest.slice(end + length + 4);
        if (sid === '2') this.heardBytes += length;
        else this.#askedFor(more[0]);
        continue;
      }
      this.#rest = this.#rest.slice(end + 2);
      if (word === 'PONG') this.socket.emit('pong');
      if (word === 'PING') this.socket.write('PONG\r\n');
    }
  }

  #askedFor(reply: string): void {
    this.questions += 1;
    this.socket.cork();
    for (const answer of this.#answer) this.publish(reply, answer);
    this.socket.uncork();
  }
}
