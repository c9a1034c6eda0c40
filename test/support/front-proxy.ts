import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { eventually } from './until.js';

/** Proxies that operators put in front of nodes, and what makes each of them tell its version. */
const PROXIES = { haproxy: '-v', nginx: '-v' } as const;
export type ProxyProgram = keyof typeof PROXIES;

/** Debian has nginx where only root looks. */
const PATH = `${process.env.PATH}:/usr/sbin`;

/** As `describe`; without the program skipped, with the reason in the title, and a failure where CI=true. */
export function describeWithProxy(program: ProxyProgram, title: string, tests: () => void): void {
  const found = spawnSync(program, [PROXIES[program]], { env: { ...process.env, PATH } }).status === 0;
  const how = `needs ${program} in the PATH; on Debian: apt-get install ${program}`;
  // oxlint-disable jest/valid-title, jest/valid-describe-callback, jest/no-disabled-tests -- this stands in for describe
  if (found || process.env.CI === 'true') describe(title, tests);
  else describe.skip(`${title} (${how})`, tests);
  // oxlint-enable
}

/** A real proxy on a free port of loopback, with a configuration of a test's own. */
export class FrontProxy {
  static readonly #running = new Set<FrontProxy>();
  readonly #said: string[] = [];

  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#said.push(text));
    }
  }

  /** Starts HAProxy; `sections` follow a frontend that listens and sends everything to the backend `nodes`. */
  static haproxy(sections: string, mode: 'http' | 'tcp' = 'http'): Promise<FrontProxy> {
    const head = (port: number): string => `
global
    maxconn 1000
defaults
    mode ${mode}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend peers
    # Port ${port}, on which the test listens already.
    bind fd@3
    default_backend nodes
`;
    return FrontProxy.#start(
      'haproxy',
      (port) => `${head(port)}${sections}\n`,
      (path) => ['-db', '-f', path],
    );
  }

  /** Starts HAProxy as deploy/compose/haproxy.cfg sets it up, in front of these nodes. */
  static haproxyOfCompose(nodes: readonly { readonly port: number }[]): Promise<FrontProxy> {
    const file = readFileSync('deploy/compose/haproxy.cfg', 'utf8');
    const retries = file.match(/^ {4}(?:option redispatch|retries|retry-on) .*$/gm)!;
    if (retries.length !== 3) throw new Error('the configuration has other retries than it had');
    const [backend] = /^backend nodes\n[^]*?(?=\n\n)/m.exec(file)!;
    const documented = backend
      .replace(/^ {4}server .*\n?/gm, '')
      // There is no DNS of Docker here, and the checks need not take seconds.
      .replace(' init-addr none resolvers docker resolve-prefer ipv4', '')
      // A check that a busy machine answers late is no failure.
      .replace('inter 1s', 'inter 100ms')
      .replace(/$/, '\n    timeout check 30s');
    const counts = nodes.map(
      (_, i) => `    http-request return status 200 if { path /sees-${i + 1} } { nbsrv(nodes) eq ${i + 1} }`,
    );
    const none = '    http-request return status 404 if { path_beg /sees- }';
    const servers = nodes.map(({ port }, i) => `    server signal-${i + 1} 127.0.0.1:${port}`);
    return FrontProxy.haproxy([...counts, none, documented, ...retries, ...servers].join('\n'));
  }

  /** Resolves when a HAProxy of `haproxyOfCompose` takes so many nodes for healthy. */
  async sees(nodes: number): Promise<void> {
    const status = async (): Promise<number> => (await fetch(`http://127.0.0.1:${this.port}/sees-${nodes}`)).status;
    await eventually(status, (found) => found === 200);
  }

  /** Starts nginx; `http` is what stands in the block of that name, beside `server`, and `location` in `location /`. */
  static nginx(http: string, location: string): Promise<FrontProxy> {
    const config = (port: number, folder: string): string => `
daemon off;
worker_processes 1;
user ${userInfo().username};
pid ${folder}/pid;
error_log stderr warn;
events { worker_connections 512; }
http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
    ${http}
    server {
        listen 127.0.0.1:${port};
        location / {
            ${location}
        }
    }
}
`;
    return FrontProxy.#start('nginx', config, (path) => ['-c', path, '-p', tmpdir()]);
  }

  /**
   * Starts nginx as ingress-nginx does for an Ingress with these annotations. From its rootfs/etc/nginx/template/nginx.tmpl:
   * the headers, `proxy_buffering`, `proxy_http_version`, and the defaults of what annotations set. It has the nodes from
   * the API server, balances by Lua, and takes none out for failures (`max_fails`).
   */
  static ingressNginx(
    annotations: Record<string, string>,
    nodes: readonly { readonly port: number }[],
  ): Promise<FrontProxy> {
    const of = (name: string, otherwise: string): string =>
      annotations[`nginx.ingress.kubernetes.io/${name}`] ?? otherwise;
    const servers = nodes.map(({ port }) => `server 127.0.0.1:${port} max_fails=0;`).join(' ');
    return FrontProxy.nginx(
      `map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
       upstream upstream_balancer { ${servers} keepalive 320; }`,
      `proxy_set_header Host $http_host;
       proxy_set_header Upgrade $http_upgrade;
       proxy_set_header Connection $connection_upgrade;
       proxy_set_header X-Real-IP $remote_addr;
       proxy_set_header X-Forwarded-For $remote_addr;
       proxy_set_header X-Forwarded-Proto $scheme;
       proxy_set_header Proxy "";
       proxy_connect_timeout ${of('proxy-connect-timeout', '5')}s;
       proxy_send_timeout ${of('proxy-send-timeout', '60')}s;
       proxy_read_timeout ${of('proxy-read-timeout', '60')}s;
       proxy_buffering off;
       proxy_http_version 1.1;
       proxy_next_upstream ${of('proxy-next-upstream', 'error timeout')};
       proxy_next_upstream_tries 3;
       proxy_pass http://upstream_balancer;`,
    );
  }

  static async #start(
    program: ProxyProgram,
    config: (port: number, folder: string) => string,
    args: (path: string) => string[],
  ): Promise<FrontProxy> {
    // The proxy inherits a socket that listens: the port cannot be taken in between, and nobody waits for the proxy's
    // start.
    const reserved = createServer().listen(0, '127.0.0.1', 511);
    await once(reserved, 'listening');
    const { port } = reserved.address() as AddressInfo;
    const { fd } = (reserved as unknown as { _handle: { fd: number } })._handle;
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-proxy-'));
    const path = join(folder, 'config');
    writeFileSync(path, config(port, folder));
    const child = spawn(program, args(path), {
      env: { ...process.env, PATH, NGINX: '3;' },
      stdio: ['ignore', 'pipe', 'pipe', fd],
    });
    reserved.close();
    const proxy = new FrontProxy(port, child, folder);
    await once(child, 'spawn');
    FrontProxy.#running.add(proxy);
    return proxy;
  }

  /** Ends all that were started. */
  static async stopAll(): Promise<void> {
    await Promise.all([...FrontProxy.#running].map((proxy) => proxy.stop()));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** What it wrote so far, for the message of a failing test. */
  get said(): string {
    return this.#said.join('');
  }

  async stop(): Promise<void> {
    FrontProxy.#running.delete(this);
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      // Without a grace for connections, and with the workers of nginx.
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
