import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithChromium, picture } from '../support/browser.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { CONNECTED, RELAYED, stoppedAt, verdictOf } from '../support/check-page.js';
import type { Shown } from '../support/check-page.js';
import { Coturn, describeWithCoturn } from '../support/coturn.js';
import type { CoturnOptions } from '../support/coturn.js';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const TOKEN = 'token-of-a-page';
/** The namespace's own address: WebRTC does not use loopback addresses. */
const ADDRESS = '10.99.0.1';

describeWithCoturn('the connection check and TURN servers', () => {
  describeWithChromium('in Chromium', (stage) => {
    let folder: string;
    let certificates: Certificates;

    beforeAll(async () => {
      certificates = await makeCertificates();
      folder = mkdtempSync(join(tmpdir(), 'cairn-signal-check-relay-'));
      writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
    });
    afterEach(() => Coturn.stopAll());
    afterAll(() => {
      certificates.remove();
      rmSync(folder, { recursive: true });
    });

    const start = (options: CoturnOptions): Promise<Coturn> =>
      Coturn.start({ address: ADDRESS, within: stage.namespace.within, ...options });

    /** What the page shows at a server that tells of these URLs. */
    async function check(...urls: string[]): Promise<Shown> {
      const turn = ['--turn-urls', urls.join(','), '--turn-secret-file', join(folder, 'secret')];
      const port = await stage.start('--auth-token', TOKEN, ...turn).port();
      await stage.open(`http://127.0.0.1:${port}/check`, { viewport: { width: 1000, height: 800 } });
      await stage.page.fill('#token', TOKEN);
      await stage.page.click('#start');
      return verdictOf(stage.page);
    }

    const relayed = (): Promise<string | null> => stage.page.textContent('[data-step=relay] .detail');

    it.each(['udp', 'tcp'])('reaches a relay over %s, and nothing breaks the policy', async (transport) => {
      const { port } = await start({ secrets: [SECRET] });
      expect(await check(`turn:${ADDRESS}:${port}?transport=${transport}`)).toMatchObject({
        ...CONNECTED,
        states: RELAYED,
      });
      expect(await relayed()).toBe(`turn:${ADDRESS}:${port}?transport=${transport} over ${transport}`);
      expect(stage.complaints).toEqual([]);
      await picture(stage.page, `check-page-relay-${transport}`);
    });

    it('reaches one of several, of which others do not answer', async () => {
      const { port, tlsPort } = await start({ secrets: [SECRET] });
      const good = `turn:${ADDRESS}:${port}?transport=udp`;
      expect(await check(`turn:${ADDRESS}:${tlsPort}?transport=tcp`, good)).toMatchObject({ states: RELAYED });
      expect(await relayed()).toBe(`${good} over udp`);
    });

    it.each<[what: string, options: CoturnOptions, headline: RegExp, advice: RegExp]>([
      [
        'the secret is another one',
        { secrets: [`${SECRET}-of-another`] },
        /^The TURN server refuses the credentials of this server \(401, turn:/,
        /another secret than the first line of turn-secret-file.*all other steps passed/,
      ],
      [
        'the quota is used up',
        { secrets: [SECRET], lines: ['user-quota=1'] },
        /^The TURN server says that the quota of this principal is used up \(486, turn:/,
        /user-quota/,
      ],
      [
        'relays may not reach each other',
        { secrets: [SECRET], lines: [`denied-peer-ip=${ADDRESS}`] },
        /^The TURN server gives relays, but they do not reach each other\.$/,
        /external-ip.*allowed-peer-ip/,
      ],
    ])('%s', async (_what, options, headline, advice) => {
      const { port } = await start(options);
      expect(await check(`turn:${ADDRESS}:${port}`)).toMatchObject({
        outcome: 'failed',
        headline: expect.stringMatching(headline),
        advice: expect.stringMatching(advice),
        states: stoppedAt('relay'),
      });
    });

    it.each([
      ['udp', 'turn', 'udp', /its port is closed, or a firewall drops it/],
      ['tcp', 'turn', 'tcp', /its port is closed, or a firewall drops it/],
      ['tls', 'turns', 'tcp', /The port is closed, or the certificate/],
    ])('the port is closed, over %s', async (_how, scheme, transport, advice) => {
      const coturn = await start({ secrets: [SECRET] });
      await coturn.stop();
      expect(await check(`${scheme}:${ADDRESS}:${coturn.port}?transport=${transport}`)).toMatchObject({
        outcome: 'failed',
        headline: expect.stringMatching(/^The browser does not reach the TURN server \(turns?:10\.99/),
        advice: expect.stringMatching(advice),
        states: stoppedAt('relay'),
      });
    });

    it('the certificate is of an authority that no browser trusts', async () => {
      const { chain: cert, key } = certificates;
      const { tlsPort } = await start({ secrets: [SECRET], tls: { cert, key } });
      expect(await check(`turns:${ADDRESS}:${tlsPort}`)).toMatchObject({
        headline: expect.stringMatching(/^The browser does not reach the TURN server \(turns:/),
        advice: expect.stringContaining('is not trusted by browsers'),
        states: stoppedAt('relay'),
      });
      await picture(stage.page, 'check-page-relay-tls');
    });
  });
});
