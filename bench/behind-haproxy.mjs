import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { endWithUs } from './child-processes.mjs';

/** Debian has HAProxy where only root looks. */
const PATH = `${process.env.PATH}:/usr/sbin`;

/** Whether HAProxy can be started here. */
export function hasHaproxy() {
  return spawnSync('haproxy', ['-v'], { env: { ...process.env, PATH } }).status === 0;
}

/**
 * A process to measure behind a HAProxy on one thread, which takes TLS off. Owns both. What is measured is both together.
 */
export class BehindHaproxy {
  #backend;
  #proxy;

  /**
   * @param {import('./measured-process.mjs').MeasuredProcess} backend
   * @param {{ both: string }} certificate
   * @param {{ wrapper: readonly string[] }} options
   */
  static async started(backend, { both }, { wrapper }) {
    // HAProxy inherits a socket that listens. So nobody can take the port in between, or needs to wait for its start.
    const listener = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
    await once(listener, 'listening');
    const { port } = listener.address();
    const config = join(dirname(both), `haproxy-${port}.cfg`);
    writeFileSync(config, configuration(both, backend.port));
    const [file, ...args] = [...wrapper, 'haproxy', '-db', '-f', config];
    const stdio = ['ignore', 'ignore', 'inherit', listener._handle.fd];
    const proxy = endWithUs(spawn(file, args, { env: { ...process.env, PATH }, stdio }));
    listener.close();
    await once(proxy, 'spawn');
    return new BehindHaproxy(port, backend, proxy);
  }

  constructor(port, backend, proxy) {
    this.port = port;
    this.#backend = backend;
    this.#proxy = proxy;
  }

  get pids() {
    return [...this.#backend.pids, this.#proxy.pid];
  }

  async stop() {
    const ended = once(this.#proxy, 'exit');
    this.#proxy.kill('SIGKILL');
    await Promise.all([ended, this.#backend.stop()]);
  }
}

function configuration(/** @type {string} */ certificate, /** @type {number} */ port) {
  return `
global
    nbthread 1
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen floor
    bind fd@3 ssl crt ${certificate}
    server floor 127.0.0.1:${port}
`;
}
