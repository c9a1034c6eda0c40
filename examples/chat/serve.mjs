#!/usr/bin/env node
// Serves the page and the client's built files, and starts a signaling server for them.
//   node examples/chat/serve.mjs [--port 8000] [--server wss://signal.example.com]
// With --server it starts none: the page uses that one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '8000' }, server: { type: 'string' } },
});

/** Starts a server on a free port of loopback. Resolves to its URL, and ends with it. */
async function startServer() {
  const child = spawn(process.execPath, [MAIN, '--listen-addr', '127.0.0.1:0', '--log-format', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill());
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
  child.once('exit', (code) => process.exit(code ?? 1));
  const lines = createInterface(child.stdout);
  for (;;) {
    const [line] = await once(lines, 'line');
    const [, url] = /listening on (ws:[^"]*)/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
}

/** The file that a path of the page's server is: the page, or one of the client's. */
function fileOf(path) {
  const [, file] = /^\/client\/(\w+\.js)$/.exec(path) ?? [];
  if (file !== undefined) return new URL(`../../client/dist/${file}`, import.meta.url);
  return path === '/' ? new URL('index.html', import.meta.url) : undefined;
}

const server = options.server ?? (await startServer());
const pages = createServer((request, response) => {
  const file = fileOf(new URL(request.url, 'http://localhost').pathname);
  if (file === undefined) return response.writeHead(404).end('not found');
  response.setHeader('content-type', file.pathname.endsWith('.js') ? 'text/javascript' : 'text/html');
  response.end(readFileSync(file));
});
pages.listen(Number(options.port), '127.0.0.1');
await once(pages, 'listening');
console.log(`open http://localhost:${pages.address().port}/?server=${encodeURIComponent(server)}`);
