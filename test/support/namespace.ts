import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/**
 * The machine's only network: its own address, and a route that leads nowhere. WebRTC does not use loopback addresses.
 */
const NETWORK = [
  'ip link add veth0 type veth peer name veth1',
  'ip address add 10.99.0.1/24 dev veth0',
  'ip link set veth0 up',
  'ip link set veth1 up',
  'ip route add default via 10.99.0.2',
];

/**
 * A network namespace: its processes reach each other, and nothing else. Needs root, `unshare`, `nsenter` and `ip`.
 * Invariant: it disappears when no process runs in it any more and its holder has ended, which the end of this process
 * also causes.
 */
export class Namespace {
  private constructor(private readonly holder: ChildProcess) {}

  /** With a network card, or with `loopback` only. */
  static async open(cards: 'network' | 'loopback' = 'network'): Promise<Namespace> {
    const setUp = ['set -e', 'ip link set lo up', ...(cards === 'network' ? NETWORK : []), 'echo ready', 'exec cat'];
    const holder = spawn('unshare', ['--net', 'sh', '-c', setUp.join('; ')], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    holder.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(holder, 'close').then(() => {
      throw new Error(`no network namespace: ${said.trim()}`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(holder.stdout, 'data'), ended]);
    return new Namespace(holder);
  }

  close(): void {
    this.holder.stdin!.end();
  }

  /** The words before a command that make it run inside. */
  get within(): readonly string[] {
    return ['nsenter', `--net=${this.path}`, '--'];
  }

  get path(): string {
    return `/proc/${this.holder.pid}/ns/net`;
  }
}
