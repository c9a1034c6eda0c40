import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

/** What Docker mounts by itself, and nothing else that could be written to. */
const MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/**
 * A container of an unpacked image, in namespaces of its own, by crun. It owns the runtime's bundle, its network and the
 * ports that it publishes, and does not know what runs inside. Invariant: the root is read-only, there are no
 * capabilities, and privileges cannot grow, whether or not that was asked for: what runs so, runs with less.
 */
export class Container {
  static #count = 0;
  #output = '';
  #servers = [];
  #holder;
  #process;
  #exited;

  /**
   * @param image `{ rootfs, process, config }`: the unpacked files, what umoci made of the configuration for a runtime,
   *   and the configuration itself
   * @param run of readRun
   * @param work a folder for the bundle
   * @param host the folder that stands for the root of the machine
   */
  static async start(image, run, work, host) {
    const container = new Container(image, work);
    await container.#start(run, host);
    return container;
  }

  constructor(image, work) {
    const number = ++Container.#count;
    this.image = image;
    this.work = work;
    this.id = `cairn-signal-${process.pid}-${number}`;
    this.subnet = `10.98.${number}`;
  }

  /** Its address, as the machine reaches it. */
  get address() {
    return `${this.subnet}.2`;
  }

  /** What it has written to standard output and standard error. */
  get output() {
    return this.#output;
  }

  /** The process id of its process 1, on the machine. */
  get pid() {
    return JSON.parse(crun(this.work, 'state', this.id)).pid;
  }

  get hasEnded() {
    return this.#process.exitCode !== null;
  }

  /** Runs a command inside, as "docker exec" does. Returns its status and what it wrote. */
  exec(...words) {
    const { User, WorkingDir } = this.image.config;
    const env = Object.entries(this.variables).flatMap((entry) => ['--env', entry.join('=')]);
    const { status, stdout, stderr } = spawnSync(
      'crun',
      [...globals(this.work), 'exec', '--user', User, '--cwd', WorkingDir, ...env, this.id, ...words],
      { encoding: 'utf8' },
    );
    return { status, output: stdout + stderr };
  }

  /** Stops it as "docker stop" does. Resolves to the exit code. */
  async stop() {
    crun(this.work, 'kill', this.id, this.image.config.StopSignal);
    return this.#exited;
  }

  /** Ends whatever is left of it. */
  close() {
    for (const server of this.#servers) server.close();
    if (this.#process !== undefined && !this.hasEnded) {
      spawnSync('crun', [...globals(this.work), 'delete', '--force', this.id]);
    }
    this.#holder?.stdin.end();
  }

  async #start({ ports, volumes, env, args }, host) {
    const network = await this.#openNetwork();
    const { process: started, config, rootfs } = this.image;
    const merged = { ...Object.fromEntries(config.Env.map((entry) => entry.split(/=(.*)/s))), ...env };
    this.variables = merged;
    const bundle = join(this.work, this.id);
    mkdirSync(bundle);
    const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
    writeFileSync(
      join(bundle, 'config.json'),
      JSON.stringify({
        ociVersion: '1.0.0',
        hostname: this.id,
        root: { path: rootfs, readonly: true },
        process: {
          user: started.user,
          cwd: started.cwd,
          args: [...started.args, ...args],
          env: Object.entries(merged).map((entry) => entry.join('=')),
          capabilities: none,
          noNewPrivileges: true,
        },
        mounts: [
          ...MOUNTS,
          ...volumes.map(({ source, target, readOnly }) => ({
            destination: target,
            source: join(host, source),
            type: 'bind',
            options: ['rbind', readOnly ? 'ro' : 'rw'],
          })),
        ],
        linux: {
          namespaces: [...['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })), { type: 'network', path: network }],
          // As Docker sets it, so that a user without capabilities may use port 443.
          sysctl: { 'net.ipv4.ip_unprivileged_port_start': '0' },
          maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
          readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
        },
      }),
    );
    const child = spawn('crun', [...globals(this.work), 'run', '--bundle', bundle, this.id], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.#output += chunk));
    this.#exited = once(child, 'close').then(([code]) => code);
    for (const one of ports) await this.#publish(one);
  }

  /** A network namespace, which ends with this process, and a cable to it. Returns its path. */
  async #openNetwork() {
    const script = 'set -e; ip link set lo up; echo ready; exec cat';
    this.#holder = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await Promise.race([once(this.#holder.stdout, 'data'), once(this.#holder, 'exit')]);
    const { pid } = this.#holder;
    const cable = `c${Container.#count}`;
    const ip = (words) => execFileSync('ip', words.split(' '));
    const inside = (words) => execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...words.split(' ')]);
    ip(`link add ${cable} type veth peer name eth0 netns ${pid}`);
    ip(`address add ${this.subnet}.1/24 dev ${cable}`);
    ip(`link set ${cable} up`);
    inside(`address add ${this.address}/24 dev eth0`);
    inside('link set eth0 up');
    return `/proc/${pid}/ns/net`;
  }

  /** Publishes a port as Docker's proxy does: what connects to the machine is connected to the container's address. */
  async #publish({ address, host, container }) {
    const server = createServer((outside) => {
      const inside = connect(container, this.address);
      for (const [one, other] of [
        [outside, inside],
        [inside, outside],
      ]) {
        one.on('error', () => other.destroy()).on('close', () => other.destroy());
        one.pipe(other);
      }
    });
    this.#servers.push(server);
    await once(server.listen(host, address), 'listening');
  }
}

/** The namespace of cgroups stays the machine's: limits of memory are Docker's business, and the layout of cgroups varies. */
function globals(work) {
  return ['--root', join(work, 'crun'), '--cgroup-manager=disabled'];
}

function crun(work, ...words) {
  return execFileSync('crun', [...globals(work), ...words], { encoding: 'utf8' });
}

/** What the kernel says of a process: the lines of /proc/PID/status. */
export function statusOf(pid) {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)));
}

/** The file systems that a process can write to, by where they are mounted. */
export function writableMounts(pid) {
  return readFileSync(`/proc/${pid}/mounts`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , options]) => options.split(',').includes('rw'))
    .map(([, where]) => where);
}
