import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stage } from './browser.js';

/**
 * A port on a stage that leads to a port of this process, so that a browser there reaches a server whose clock a test
 * controls.
 */
export class Tunnel {
  private constructor(
    /** Port on loopback of the stage, until its test ends. */
    readonly port: number,
    private readonly folder: string,
    private readonly far: Server,
  ) {}

  /** Leads to a port of loopback outside the stage. */
  static async open(stage: Stage, port: number): Promise<Tunnel> {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-tunnel-'));
    const path = join(folder, 'socket');
    const far = createServer((socket) => {
      const server = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).on('close', () => server.destroy());
      server.on('error', () => undefined).on('close', () => socket.destroy());
      socket.pipe(server).pipe(socket);
    });
    await once(far.listen(path), 'listening');
    return new Tunnel(Number(await stage.script(new URL('../browser/tunnel.mjs', import.meta.url), path)), folder, far);
  }

  close(): void {
    this.far.close();
    rmSync(this.folder, { recursive: true });
  }
}
