import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { describeWithChromium } from '../../../test/support/browser.js';
import { Coturn, describeWithCoturn } from '../../../test/support/coturn.js';
import type { CoturnOptions } from '../../../test/support/coturn.js';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const ADDRESS = '10.99.0.1';
const TOKEN = 'token-of-a-page';
const NAT = { TURN_EXTERNAL_IP: '1.2.3.4', TURN_INNER_IP: ADDRESS };

/** What the pages of these tests have as globals. */
interface InPage {
  /** Resolves to what came through the channel, and between which kinds of candidates. */
  meet(port: number): Promise<{ heard: string; candidates: string[]; protocol: string }>;
}

/** The snippet of the README, with the policy that allows nothing but relays. */
const PAGE = `
  import { connect } from './index.ts';
  import { connectPeer } from './rtc.ts';

  globalThis.meet = async (port) => {
    const secret = new TextEncoder().encode('a secret of both pages');
    const signal = connect('ws://127.0.0.1:' + port, { token: '${TOKEN}' });
    const config = { iceTransportPolicy: 'relay' };
    const { channel, connection } = await connectPeer(signal, { secret, config });
    const came = new Promise((resolve) => channel.addEventListener('message', ({ data }) => resolve(data)));
    channel.send('through the relay');
    const heard = await came;
    let stats, pair;
    do {
      stats = await connection.getStats();
      pair = [...stats.values()].map((one) => stats.get(one.selectedCandidatePairId)).find((one) => one);
    } while (!pair);
    const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
    const gathered = [...stats.values()].filter(({ type }) => type === 'local-candidate');
    const candidates = [local, remote, ...gathered].map(({ candidateType }) => candidateType);
    return { heard, candidates, protocol: local.relayProtocol };
  };
`;

describeWithCoturn('two pages that may use nothing but the relay of the server', () => {
  describeWithChromium('in Chromium', (stage) => {
    let script: string;
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'cairn-signal-relayed-'));
      writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
      const resolveDir = fileURLToPath(new URL('../../src', import.meta.url));
      const options = { bundle: true, format: 'iife', write: false } as const;
      script = (await build({ stdin: { contents: PAGE, resolveDir }, ...options })).outputFiles[0].text;
    });
    afterEach(() => Coturn.stopAll());
    afterAll(() => rmSync(folder, { recursive: true }));

    it.each<[how: string, transport: string, coturn: () => CoturnOptions]>([
      ['over udp', 'udp', () => ({ secrets: [SECRET] })],
      ['over tcp', 'tcp', () => ({ secrets: [SECRET] })],
      // Its public address leads nowhere here: its relays reach each other inside, as in a container.
      [
        'with coturn as deploy/turn runs it, behind NAT',
        'udp',
        () => ({ deployed: { TURN_SECRET_FILE: join(folder, 'secret'), ...NAT } }),
      ],
    ])('open a data channel %s', async (_how, transport, coturn) => {
      const { within } = stage.namespace;
      const { port: turnPort } = await Coturn.start({ address: ADDRESS, within, ...coturn() });
      const turn = ['--turn-urls', `turn:${ADDRESS}:${turnPort}?transport=${transport}`];
      const server = stage.start('--auth-token', TOKEN, '--turn-secret-file', join(folder, 'secret'), ...turn);
      const port = await server.port();
      const open = async (): Promise<Page> => {
        const page = await stage.open(`http://127.0.0.1:${port}/`, { bypassCSP: true });
        await page.evaluate(script);
        return page;
      };
      const pages = [await open(), await open()];
      const met = await Promise.all(
        pages.map((page) => page.evaluate((at) => (globalThis as unknown as InPage).meet(at), port)),
      );
      for (const { heard, candidates, protocol } of met) {
        expect(heard).toBe('through the relay');
        expect(new Set(candidates)).toEqual(new Set(['relay']));
        expect(protocol).toBe(transport);
      }
    });
  });
});
