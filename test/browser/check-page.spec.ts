import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContextOptions } from 'playwright-core';
import { describeWithChromium, documentPicture, picture } from '../support/browser.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { ALL_PASSED, CONNECTED, stoppedAt, VERDICT_MS, verdictOf } from '../support/check-page.js';
import type { Shown, Step } from '../support/check-page.js';
import { makeKey, sign } from '../support/issuer.js';

const extension = (name: string): string => fileURLToPath(new URL(`../support/extensions/${name}`, import.meta.url));
const TOKEN = 'tok~en/+ 7f3a9c';
const DESKTOP = { viewport: { width: 1000, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

describeWithChromium('the connection check, in Chromium', (stage) => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-check-page-'));
  let certificates: Certificates;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => {
    certificates.remove();
    rmSync(folder, { recursive: true });
  });

  async function openAt(port: number, options: BrowserContextOptions = {}): Promise<void> {
    await stage.open(`http://127.0.0.1:${port}/check`, { ...DESKTOP, ...options });
  }

  /** Starts a proxy in front of a port. Resolves to the proxy's port. */
  async function behind(port: number, what: string): Promise<number> {
    return Number(await stage.script(new URL('proxy.mjs', import.meta.url), String(port), what));
  }

  /** Presses Start, and resolves to the verdict. */
  async function run(token = ''): Promise<Shown> {
    await stage.page.fill('#token', token);
    await stage.page.click('#start');
    return verdict();
  }

  const verdict = (): Promise<Shown> => verdictOf(stage.page);

  /** What the page says that the peers speak. */
  const protocol = async (): Promise<string | undefined> =>
    /^a random topic, (.*)$/.exec((await stage.page.textContent('[data-step=rendezvous] .detail'))!)?.[1];

  /** Presses Start. Once the page is at a step, makes it believe that it has waited there for a long time. */
  async function runInVainAt(step: Step): Promise<Shown> {
    await stage.page.clock.install();
    await stage.page.click('#start');
    await stage.page.waitForSelector(`[data-step=${step}][data-state=running]`);
    await stage.page.clock.fastForward(VERDICT_MS);
    return verdict();
  }

  it('reaches an open data channel over ws, without a token, and nothing breaks the policy', async () => {
    await openAt(await stage.serve());
    expect(await run()).toMatchObject(CONNECTED);
    expect(await stage.page.textContent('[data-step=ping] .time')).toMatch(/^[\d.]+ m?s$/);
    expect(await protocol()).toBe('cairn-signal.v2');
    expect(stage.complaints).toEqual([]);
  });

  it('reaches it with the right token, which is in no line of the log and on no part of the page', async () => {
    const program = stage.start('--auth-token', TOKEN);
    await openAt(await program.port());
    expect(await run(` ${TOKEN} `)).toMatchObject(CONNECTED);
    expect(stage.complaints).toEqual([]);
    expect(await stage.page.textContent('body')).not.toContain(TOKEN);
    program.signal('SIGTERM');
    const { stdout } = await program.ended;
    expect(stdout).toContain('"msg":"connected"');
    expect(stdout).not.toMatch(/tok~en|dG9rfm/);
  });

  it.each([
    ['without a token', []],
    ['with the right token', ['--auth-token', TOKEN]],
  ])('reaches it over wss, %s', async (_how, args) => {
    const port = await stage.serve('--tls-cert', certificates.chain, '--tls-key', certificates.key, ...args);
    await stage.open(`https://127.0.0.1:${port}/check`, { ignoreHTTPSErrors: true });
    expect(await run(args.length === 0 ? '' : TOKEN)).toMatchObject(CONNECTED);
    expect(await stage.page.textContent('#server')).toBe(`wss://127.0.0.1:${port}/`);
    expect(stage.complaints).toEqual([]);
  });

  it.each([
    ['selects none', 'forgets', '', 'CBOR without a subprotocol'],
    ['has the first subprotocol alone', 'downgrades', '', 'cairn-signal'],
    ['has the first subprotocol alone, and asks for a token', 'downgrades', TOKEN, 'cairn-signal'],
  ])('reaches it through a server that %s', async (_what, how, token, selected) => {
    await openAt(await behind(await stage.serve(...(token === '' ? [] : ['--auth-token', token])), how));
    expect(await run(token)).toMatchObject(CONNECTED);
    expect(await protocol()).toBe(selected);
  });

  it('reaches it where one peer speaks the second subprotocol, and the other one the first', async () => {
    await openAt(await behind(await stage.serve(), 'mixes'));
    expect(await run()).toMatchObject(CONNECTED);
    expect(['cairn-signal and cairn-signal.v2', 'cairn-signal.v2 and cairn-signal']).toContain(await protocol());
  });

  it('reaches it where a topic policy does not let the peers be told of each other', async () => {
    await openAt(await stage.serve('--topic-policy', extension('no-presence.js')));
    expect(await run()).toMatchObject(CONNECTED);
    expect(await protocol()).toBe('cairn-signal.v2');
  });

  it('reaches it where presence is off', async () => {
    await openAt(await stage.serve('--presence', 'off'));
    expect(await run()).toMatchObject(CONNECTED);
  });

  it('a token is needed and there is none', async () => {
    await openAt(await stage.serve('--auth-token', TOKEN));
    expect(await run()).toMatchObject({
      headline: 'This server asks for a token.',
      advice: expect.stringContaining('Enter one above'),
      states: stoppedAt('admission'),
    });
  });

  it('the token is wrong; and once more with the right one', async () => {
    await openAt(await stage.serve('--auth-token', TOKEN));
    expect(await run('wrong')).toMatchObject({
      outcome: 'failed',
      headline: 'The server refuses this token.',
      advice: expect.stringContaining('auth-token-file'),
      states: stoppedAt('admission'),
    });
    await picture(stage.page, 'check-page-wrong-token');
    expect(await run(TOKEN)).toMatchObject(CONNECTED);
  });

  it('the token is a JWT that has expired', async () => {
    const key = await makeKey('one');
    const file = join(folder, 'key.pem');
    writeFileSync(file, key.pem);
    await openAt(
      await stage.serve(
        '--jwt-issuer',
        'https://issuer.example.com',
        '--jwt-audience',
        'signal',
        '--jwt-public-key',
        file,
      ),
    );
    const token = await sign(key, { iss: 'https://issuer.example.com', aud: 'signal', sub: 'alice', exp: 1 });
    expect(await run(token)).toMatchObject({
      headline: 'This token has expired.',
      advice: expect.stringContaining('issues the tokens'),
      states: stoppedAt('admission'),
    });
  });

  it('a token that no header carries is not sent', async () => {
    await openAt(await stage.serve('--auth-token', TOKEN));
    expect(await run('tökén')).toMatchObject({ headline: 'This cannot be a token.', states: stoppedAt('admission') });
    expect(stage.complaints).toEqual([]);
  });

  it('too many wrong tokens came from here', async () => {
    await openAt(await stage.serve('--auth-token', TOKEN, '--max-wrong-tokens', '1', '--trusted-proxies', '127.0.0.1'));
    await run('wrong');
    expect(await run('wrong again')).toMatchObject({
      headline: 'Too many wrong tokens from this address; the setting is max-wrong-tokens.',
      advice: expect.stringMatching(/^Start again in \d+ s\. .*trusted-proxies/),
      states: stoppedAt('admission'),
    });
  });

  it('pages of this origin may not connect', async () => {
    await openAt(await stage.serve('--allowed-origins', 'https://app.example.com'));
    expect(await run()).toMatchObject({
      headline: 'Web pages of this origin may not connect; the setting is allowed-origins.',
      advice: expect.stringMatching(/add http:\/\/127\.0\.0\.1:\d+ to allowed-origins/),
      states: stoppedAt('admission'),
    });
  });

  it.each([
    [
      'with a status and a sentence of its own',
      '',
      'Only members of the club may connect.',
      /^A custom guard of the server says so \(HTTP 402\)/,
    ],
    [
      'with 403 and a sentence of its own',
      'yes',
      'Only members of the club may connect.',
      /^A custom guard of the server says so \(HTTP 403\)/,
    ],
    ['with false', 'no', 'This server does not let you in.', /^A custom guard of the server says so \(HTTP 403\)/],
  ])('a guard refuses %s', async (_how, token, headline, advice) => {
    await openAt(await stage.serve('--guard', extension('by-page.js')));
    expect(await run(token)).toMatchObject({
      headline,
      advice: expect.stringMatching(advice),
      states: stoppedAt('admission'),
    });
  });

  it('the server asks for a certificate, and the browser has none', async () => {
    const port = await stage.serve(
      '--tls-cert',
      certificates.chain,
      '--tls-key',
      certificates.key,
      '--tls-client-ca',
      certificates.chain,
    );
    await stage.open(`https://127.0.0.1:${port}/check`, { ignoreHTTPSErrors: true });
    expect(await run()).toMatchObject({
      headline: 'This server asks for a client certificate; the setting is tls-client-ca.',
      advice: expect.stringContaining('Install one in this browser'),
      states: stoppedAt('admission'),
    });
  });

  it('pages of this origin are among those that may', async () => {
    const [address, origin] = ['127.0.0.1:8081', 'http://127.0.0.1:8081'];
    await openAt(await stage.serve('--listen-addr', address, '--allowed-origins', `https://app.example.com,${origin}`));
    expect(await run()).toMatchObject(CONNECTED);
  });

  it('the server has room for one of the two peers', async () => {
    await openAt(await stage.serve('--max-connections', '1'));
    expect(await run()).toMatchObject({
      headline: 'This server has reached its connection limit; the setting is max-connections.',
      advice: 'Start again in 10 s.',
      states: stoppedAt('sockets'),
    });
  });

  it('a proxy keeps the token to itself', async () => {
    await openAt(await behind(await stage.serve('--auth-token', TOKEN), 'withholds'));
    expect(await run(TOKEN)).toMatchObject({
      headline: 'The token does not arrive.',
      advice: expect.stringContaining('Authorization'),
      states: stoppedAt('admission'),
    });
  });

  it('a proxy strips the upgrade', async () => {
    await openAt(await behind(await stage.serve('--auth-token', TOKEN), 'strips'));
    expect(await run(TOKEN)).toMatchObject({
      headline: 'The server lets this page in, but no WebSocket opens: something in between strips the upgrade.',
      advice: expect.stringContaining('426'),
      states: stoppedAt('sockets'),
    });
    await picture(stage.page, 'check-page-proxy-strips-upgrade');
  });

  it('messages are not relayed', async () => {
    await openAt(await behind(await stage.serve(), 'swallows'));
    expect(await runInVainAt('rendezvous')).toMatchObject({
      headline: 'The WebSockets are open, but what one peer says to the other does not arrive.',
      advice: expect.stringContaining('nats-url'),
      states: stoppedAt('rendezvous'),
    });
  });

  it('a topic policy forbids random topics', async () => {
    await openAt(await stage.serve('--topic-policy', extension('topic-policy.js')));
    expect(await run()).toMatchObject({
      headline: expect.stringMatching(/^The server refuses what a peer asked, and says “.+” \(forbidden\)\.$/),
      advice: expect.stringMatching(/topic policy, or the claim topics of a JWT/),
      states: stoppedAt('rendezvous'),
    });
    await picture(stage.page, 'check-page-topic-policy');
  });

  it('works, and misses the goal', async () => {
    await openAt(await behind(await stage.serve(), 'delays'));
    const shown = await run();
    expect(shown).toMatchObject({
      outcome: 'slow',
      headline: expect.stringMatching(/^Connected in \d+\.\d\d s, over the goal$/),
      states: ALL_PASSED,
    });
    expect(await stage.page.textContent('#sentence')).toContain('too slowly');
    await picture(stage.page, 'check-page-slow');
  });

  it('the server refuses a topic', async () => {
    await openAt(await stage.serve('--max-topic-bytes', '8'));
    expect(await run()).toMatchObject({
      headline: expect.stringMatching(
        /^The server refuses what a peer asked, and says “.*max-topic-bytes.*” \(topic_too_long\)\.$/,
      ),
      advice: 'The setting that it names is too small for a handshake of two peers.',
      states: stoppedAt('rendezvous'),
    });
  });

  it('the server closes a connection of the first subprotocol', async () => {
    await openAt(await behind(await stage.serve('--max-topic-bytes', '8'), 'downgrades'));
    expect(await run()).toMatchObject({
      headline:
        'The server closed a connection and said “topic over 8 bytes; the setting is max-topic-bytes” (code 1008).',
      advice: 'The setting that it names is too small for a handshake of two peers.',
      states: stoppedAt('rendezvous'),
    });
  });

  it('the server is gone', async () => {
    const program = stage.start();
    await openAt(await program.port());
    program.signal('SIGKILL');
    await program.ended;
    expect(await run()).toMatchObject({ headline: 'The server does not answer.', states: stoppedAt('server') });
  });

  it("something else answers in the server's place", async () => {
    await openAt(await stage.serve());
    await stage.page.route('**/', (route) =>
      route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }),
    );
    expect(await run()).toMatchObject({
      headline: 'Something other than cairn-signal answers here (HTTP 502).',
      states: stoppedAt('server'),
    });
    await stage.page.unroute('**/');
    await stage.page.route('**/check/auth', (route) =>
      route.fulfill({ status: 302, headers: { Location: 'https://login.example.com/' } }),
    );
    expect(await run()).toMatchObject({
      headline: expect.stringContaining('Something other than cairn-signal answers here'),
      states: stoppedAt('admission'),
    });
  });

  it('the browser has no WebRTC', async () => {
    await openAt(await stage.serve());
    await stage.page.evaluate('delete globalThis.RTCPeerConnection');
    expect(await run()).toMatchObject({
      headline: 'This browser has no WebRTC, or WebRTC is turned off.',
      advice: expect.stringContaining('The server is fine'),
      states: stoppedAt('offer'),
    });
  });

  it('WebRTC has no network', async () => {
    const { port, browser } = await stage.withoutNetwork();
    await stage.open(`http://127.0.0.1:${port}/check`, DESKTOP, browser);
    expect(await runInVainAt('candidates')).toMatchObject({
      headline: 'The browser gives WebRTC no network address to connect from.',
      states: stoppedAt('candidates'),
    });
    await picture(stage.page, 'check-page-no-network');
  });

  it('peers get candidates of each other that lead nowhere', async () => {
    await openAt(await stage.serve());
    // As a firewall would: the addresses are taken, and nothing is ever sent to them.
    await stage.page.evaluate('RTCPeerConnection.prototype.addIceCandidate = async () => {}; 0');
    expect(await runInVainAt('channel')).toMatchObject({
      headline: 'The server relayed everything, but the two peers cannot reach each other.',
      states: stoppedAt('channel'),
    });
  });

  it('its policy keeps a script out that somebody else put in', async () => {
    await openAt(await stage.serve());
    const blocked = await stage.page.evaluate(`new Promise((resolve) => {
      const directives = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
        if (directives.push(effectiveDirective) === 5) resolve(directives.sort());
      });
      const script = (attributes) => document.body.append(Object.assign(document.createElement('script'), attributes));
      script({ text: 'globalThis.intruder = 1' });
      script({ src: 'data:text/javascript,globalThis.intruder=1' });
      script({ src: 'https://example.com/x.js' });
      document.body.setAttribute('style', 'color: red');
      fetch('http://127.0.0.1:9/').catch(() => {});
    })`);
    expect(blocked).toEqual(['connect-src', 'script-src-elem', 'script-src-elem', 'script-src-elem', 'style-src-attr']);
    expect(await stage.page.evaluate('globalThis.intruder')).toBeUndefined();
  });

  it('goes by keyboard alone', async () => {
    await openAt(await stage.serve('--auth-token', TOKEN));
    const press = (...keys: string[]): Promise<void> =>
      keys.reduce((before, key) => before.then(() => stage.page.keyboard.press(key)), Promise.resolve());
    await press('Tab');
    await stage.page.keyboard.type(TOKEN);
    await press('Tab', 'Space');
    expect(await stage.page.getAttribute('#token', 'type')).toBe('text');
    await press('Space');
    expect(await stage.page.getAttribute('#token', 'type')).toBe('password');
    await press('Tab', 'Space');
    expect(await verdict()).toMatchObject(CONNECTED);
    expect(await stage.page.evaluate('document.activeElement.id')).toBe('start');
    await press('Enter');
    expect(await verdict()).toMatchObject(CONNECTED);
  });

  it('the report says how it went, and neither token nor topic', async () => {
    await openAt(await stage.serve('--auth-token', TOKEN), { permissions: ['clipboard-read', 'clipboard-write'] });
    const topics = new Set<string>();
    stage.page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        for (const [topic] of payload.toString('latin1').matchAll(/[0-9a-f]{64}/g)) topics.add(topic);
      });
    });
    expect(await run(TOKEN)).toMatchObject(CONNECTED);
    await stage.page.click('#copy');
    await stage.page.getByText('Copied: ').waitFor();
    const report = (await stage.page.evaluate('navigator.clipboard.readText()')) as string;
    expect(report).toMatch(
      /^cairn-signal connection check\n[^]*\nConnected in [^]*\n1\. passed {3}The server answers .* version \S+\n[^]*\n9\. passed .*\n10\. skipped {2}A relay is reached .* no TURN servers for this page\n$/,
    );
    expect(topics.size).toBe(1);
    for (const secret of [TOKEN, ...topics]) expect(report).not.toContain(secret);
  });

  it.each([
    ['check-page', DESKTOP],
    ['check-page-dark', { ...DESKTOP, colorScheme: 'dark' }],
    ['check-page-phone', PHONE],
    ['check-page-phone-dark', { ...PHONE, colorScheme: 'dark' }],
    ['check-page-narrow', { ...PHONE, viewport: { width: 320, height: 640 } }],
  ] as const)('%s.png: nothing is wider than the window', async (name, options) => {
    const ofDocuments = name === 'check-page';
    await openAt(await stage.serve(...(ofDocuments ? ['--listen-addr', '127.0.0.1:8080'] : [])), options);
    expect(await run()).toMatchObject(CONNECTED);
    await stage.page.mouse.move(0, 0);
    await (ofDocuments ? documentPicture(stage.page, name) : picture(stage.page, name));
    expect(await stage.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(stage.complaints).toEqual([]);
  });
});
