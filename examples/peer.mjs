// What the examples share: a server with some flags, and a peer that connects to it. In a clone, after "npm ci && npm run build".
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Decoder, Encoder } from 'cbor-x';
import { WebSocket } from 'ws';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const decoder = new Decoder({ mapsAsObjects: true });

/** When nothing comes at all: an example that hangs is one that failed. */
setTimeout(() => {
  console.error('nothing came for 30 s');
  process.exit(1);
}, 30_000).unref();

/** Whoever ends the example ends its server with it, and what else waits for the event `exit`. */
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Starts a server on a free port of loopback: its URL, what it logs, and how to end it. */
export async function startServer(flags, environment = {}) {
  const limits = ['--max-connections', '1000', '--drain-timeout', '500ms'];
  const child = spawn(process.execPath, [MAIN, '--listen-addr', '127.0.0.1:0', ...limits, ...flags], {
    env: { ...process.env, RUST_LOG: 'info', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const log = new Log(createInterface(child.stdout));
  const listening = await Promise.race([log.line(({ msg }) => msg.startsWith('listening on ')), exited]);
  if (Array.isArray(listening)) throw new Error('the server did not start');
  return {
    url: listening.msg.slice('listening on '.length),
    log,
    stop: async () => (child.kill('SIGTERM'), await exited),
  };
}

/** What a server has logged so far, line by line, and what it will. */
class Log {
  #lines = [];
  #output;

  constructor(output) {
    this.#output = output.on('line', (line) => this.#lines.push(JSON.parse(line)));
  }

  /** Resolves to the first line, as an object, that is the one looked for. */
  async line(isIt) {
    for (let i = 0; ; i++) {
      while (i === this.#lines.length) await once(this.#output, 'line');
      if (isIt(this.#lines[i])) return this.#lines[i];
    }
  }
}

/** Tries to connect: an open WebSocket, or the server's refusal as `{ status, text }`. */
export function connect(url, options = {}) {
  const socket = new WebSocket(url, 'cairn-signal', options);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text: text.trim() }));
    });
  });
}

/** Resolves once the server has handled what was sent before. */
export async function settled(socket) {
  socket.ping();
  await once(socket, 'pong');
}

export function subscribe(socket, topic) {
  socket.send(encoder.encode({ Subscribe: { topic } }));
}

export function relay(socket, topic, text) {
  socket.send(encoder.encode({ Relay: { topic, payload: Buffer.from(text) } }));
}

/** The payloads that a peer gets from now on, as text. What was relayed is among them once sender, then receiver, have settled. */
export function heard(socket) {
  const texts = [];
  socket.on('message', (data, binary) => binary && texts.push(decoder.decode(data).Relay.payload.toString()));
  return texts;
}

/** Says what happened, and ends with 1 where that is not what the example promises. */
export function expect(what, holds) {
  console.log(`${holds ? 'ok    ' : 'FAILED'}  ${what}`);
  if (!holds) process.exit(1);
}
