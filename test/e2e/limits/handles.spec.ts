import { afterEach, describe, expect, it } from '@jest/globals';
import { Peer, settle } from '../../support/peer.js';
import { endPrograms, Program } from '../../support/program.js';
import { exchange, HANDSHAKE, RawConnection } from '../../support/raw-http.js';

afterEach(endPrograms);

/** Of 256 file handles, 96 are reserved. */
const FILES = 256;
const PLACES = 160;

function start(): Program {
  return new Program(['--listen-addr', '127.0.0.1:0', '--handshake-timeout', '500ms'], { RUST_LOG: 'info' }, FILES);
}

/** The peer, or the status that it was refused with. */
async function attempt(url: string): Promise<Peer | number> {
  return Peer.connect(url).catch((error: Error) => Number(/refused: (\d+)/.exec(error.message)?.[1]));
}

describe('running out of file handles', () => {
  it('L5: does not happen: max-connections is cut to what fits, with a warning, and newcomers beyond it get 503', async () => {
    const program = start();
    const [warning] = await program.printed(/\{[^\n]*max-connections needs more open files than[^\n]*\}/);
    expect(JSON.parse(warning)).toMatchObject({ level: 'warn', maxConnections: 50_000, allowed: PLACES });
    const port = await program.port();
    const url = `ws://127.0.0.1:${port}`;

    const peers: Peer[] = [];
    for (let i = 0; i < PLACES / 20; i++) {
      peers.push(...(await Promise.all(Array.from({ length: 20 }, () => Peer.connect(url)))));
    }
    // One after the other: each keeps a handle until it has ended, and there are few for refusals.
    for (let i = 0; i < 40; i++) expect(await exchange(port, HANDSHAKE)).toMatch(/^HTTP\/1.1 503 /);

    const [a, b] = peers;
    b.subscribe('t');
    await b.sync();
    a.relay('t', 'still served');
    await settle([a], [b]);
    expect(b.received).toHaveLength(1);
    await a.close();
    expect(await attempt(url)).toBeInstanceOf(Peer);
  });

  it('L5, L14: half-open connections beyond it do not end the process, and once they time out it serves again', async () => {
    const program = start();
    const port = await program.port();
    const halfOpen = await Promise.all(Array.from({ length: 300 }, () => RawConnection.open(port)));
    await Promise.all(halfOpen.map(({ ended }) => ended));
    expect(await attempt(`ws://127.0.0.1:${port}`)).toBeInstanceOf(Peer);
    program.signal('SIGTERM');
    expect((await program.ended).code).toBe(0);
  });
});
