#!/usr/bin/env node
// Serves the page and the client's built files, and starts a signaling server for them.
//   node examples/chat/serve.mjs [--port 8000] [--server wss://signal.example.com]
// With --server it starts none: the page uses that one.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { startServer } from '../server.mjs';

const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '8000' }, server: { type: 'string' } },
});

/** Starts a server, and ends with it. */
async function ownServer() {
  const { url, ended } = await startServer([]);
  void ended.then(([code]) => process.exit(code ?? 1));
  return url;
}

/** The file that a path of the page's server is: the page, or one of the client's. */
function fileOf(path) {
  const [, file] = /^\/client\/(\w+\.js)$/.exec(path) ?? [];
  if (file !== undefined) return new URL(`../../client/dist/${file}`, import.meta.url);
  return path === '/' ? new URL('index.html', import.meta.url) : undefined;
}

const server = options.server ?? (await ownServer());
const pages = createServer((request, response) => {
  const file = fileOf(new URL(request.url, 'http://localhost').pathname);
  if (file === undefined) return response.writeHead(404).end('not found');
  response.setHeader('content-type', file.pathname.endsWith('.js') ? 'text/javascript' : 'text/html');
  response.end(readFileSync(file));
});
pages.listen(Number(options.port), '127.0.0.1');
await once(pages, 'listening');
console.log(`open http://localhost:${pages.address().port}/?server=${encodeURIComponent(server)}`);
