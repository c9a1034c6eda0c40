import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContextOptions } from 'playwright-core';
import type { SettingsInput } from '../../src/config/settings.js';
import { Lifecycle } from '../../src/lifecycle/lifecycle.js';
import { History, INTERVAL_MS } from '../../src/status/history.js';
import { MAX_STREAMS } from '../../src/status/status-streams.js';
import { REFUSAL_REASONS } from '../../src/protocol/refusal-reasons.js';
import { VERSION } from '../../src/version.js';
import { describeWithChromium, documentPicture, picture } from '../support/browser.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer, settle } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { Tunnel } from '../support/tunnel.js';

/** Longer than the page takes to show what came, in milliseconds. */
const SEEN_MS = 20_000;

const DESKTOP = { viewport: { width: 1080, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const CHARTS = ['connections', 'messages', 'deliveries', 'lonelyTopics', 'delay', 'heap'];

/** Returns whether each canvas has a line: pixels of the accent colour, in some of its columns. */
const LINES = `[...document.querySelectorAll('[data-figure]')].map((card) => {
  const canvas = card.querySelector('canvas');
  const { width, height } = canvas;
  // It reads a copy: reading the page's own canvas would slow it down.
  const copy = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d', { willReadFrequently: true });
  copy.fillStyle = getComputedStyle(document.body).getPropertyValue('--accent');
  copy.fillRect(0, 0, 1, 1);
  const accent = copy.getImageData(0, 0, 1, 1).data;
  copy.clearRect(0, 0, 1, 1);
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  const columns = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && [0, 1, 2].every((c) => Math.abs(data[i + c] - accent[c]) < 12)) columns.add((i / 4) % width);
  return [card.dataset.figure, columns.size];
})`;

describeWithChromium('the status page, in Chromium', (stage) => {
  let certificates: Certificates;
  let tunnel: Tunnel;
  let running: RunningServer;
  let clock: ManualClock;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterEach(async () => {
    tunnel.close();
    await stopServers();
  });
  afterAll(() => certificates.remove());

  async function start(input: SettingsInput = {}): Promise<void> {
    clock = new ManualClock();
    running = await startServer({ managementAddr: '127.0.0.1:0', ...input }, 'warn', clock);
  }

  /** Lets the time of samples pass. */
  function pass(samples = 1): void {
    for (let i = 0; i < samples; i++) {
      clock.pass(INTERVAL_MS);
      running.server.app.get(History, { strict: false }).sample();
    }
  }

  /** Opens the page in a new window, and waits until it shows figures. */
  async function open(options: BrowserContextOptions = {}): Promise<void> {
    await visit(options);
    await stage.page.waitForSelector('[data-fresh=yes]', { timeout: SEEN_MS });
  }

  async function visit(options: BrowserContextOptions): Promise<void> {
    tunnel = await Tunnel.open(stage, running.server.management!.port);
    await stage.open(`http://127.0.0.1:${tunnel.port}/`, { ...DESKTOP, timezoneId: 'UTC', ...options });
  }

  const textOf = async (selector: string): Promise<string> => ((await stage.page.textContent(selector)) ?? '').trim();
  const inChart = (figure: string, part: string): Promise<string> => textOf(`[data-figure=${figure}] ${part}`);

  /** Resolves once a part of the page has this text. A failure shows what else it has. */
  async function until(selector: string, text: string): Promise<void> {
    await stage.page
      .locator(selector)
      .filter({ hasText: new RegExp(`^${text}$`) })
      .waitFor({ timeout: SEEN_MS })
      .catch(() => undefined);
    expect(await textOf(selector)).toBe(text);
  }

  /** Resolves once all charts have lines in the current colour. */
  async function expectLines(): Promise<void> {
    for (const last = performance.now() + SEEN_MS; ;) {
      const lines = (await stage.page.evaluate(LINES)) as [string, number][];
      expect(lines.map(([figure]) => figure)).toEqual(CHARTS);
      if (lines.every(([, columns]) => columns > 10)) return;
      if (performance.now() > last) throw new Error(`not every chart has a line: ${lines.join(' ')}`);
    }
  }

  /** Ten minutes of a busy server: pairs come, exchange a handshake and leave. Some wait for long, some break rules. */
  async function live(): Promise<void> {
    let seed = 7;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const pairs: [Peer, Peer | undefined, string][] = [];
    let topic = 0;
    for (let step = 0; step < 300; step++) {
      const busy = 0.5 + 0.35 * Math.sin(step / 28 + 3.9) + (step > 180 && step < 215 ? 0.7 : 0);
      while (pairs.length < 45 * busy) pairs.push([await Peer.connect(running.url), undefined, `topic ${++topic}`]);
      for (const pair of pairs) {
        pair[0].subscribe(pair[2]);
        if (pair[1] === undefined && random() < 0.35) (pair[1] = await Peer.connect(running.url)).subscribe(pair[2]);
      }
      const talking = pairs.filter((pair): pair is [Peer, Peer, string] => pair[1] !== undefined);
      for (const [one, other, name] of talking) {
        const words = Math.floor(random() * 12 * busy);
        for (let word = 0; word < words; word++) {
          (word % 2 === 0 ? one : other).relay(name, Buffer.alloc(400 + Math.floor(random() * 900)));
        }
      }
      await Promise.all(pairs.flatMap(([one, other]) => [one, ...(other ? [other] : [])]).map((peer) => peer.sync()));
      for (const [index, [one, other]] of [...pairs.entries()].toReversed()) {
        if (other === undefined || random() < 0.9 - 0.4 * (1 - busy)) continue;
        pairs.splice(index, 1);
        await Promise.all([one.close(), other.close()]);
      }
      pass();
    }
  }

  /** What goes wrong on any server now and then. */
  async function misbehave(): Promise<void> {
    for (const token of ['', 'wrong', 'wrong']) {
      await Peer.refused(
        running.url,
        token === ''
          ? { headers: { Origin: 'https://elsewhere.example' } }
          : { headers: { Authorization: 'Bearer x', Origin: 'https://elsewhere.example' } },
      );
    }
    const shouter = await Peer.connect(running.url);
    shouter.subscribe('x'.repeat(65));
    await shouter.closed;
    const lost = await Peer.connect(running.url);
    lost.socket.terminate();
    const stranger = await Peer.connect(running.url);
    stranger.send(Buffer.from('hello'));
    await stranger.sync();
    pass();
  }

  it('draws six charts, and says how many peers are connected as they come and go', async () => {
    await start();
    pass(20);
    await open();
    expect(await inChart('connections', '.figure')).toBe('0');
    const [one, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    one.subscribe('t');
    other.subscribe('alone');
    await settle([one, other], []);
    pass();
    await until('[data-figure=connections] .figure', '2');
    await until('[data-figure=lonelyTopics] .figure', '2');
    other.subscribe('t');
    await other.sync();
    for (let word = 0; word < 8; word++) one.relay('t', 'word');
    await settle([one], [other]);
    pass();
    await until('[data-figure=deliveries] .figure', '4');
    expect(await inChart('messages', '.now')).toBe('4.5/s');
    expect(await inChart('connections', '.span')).toBe('lowest 0 · highest 2');
    expect(await inChart('lonelyTopics', '.beside')).toBe('of 2 topics · 0 records');
    for (const figure of ['delay', 'heap']) expect(await inChart(figure, '.now')).toMatch(/^[\d.]+(ms|MB)$/);
    await expectLines();
    expect(stage.complaints).toEqual([]);
  });

  it('points at a time in all charts at once, by mouse, finger and keyboard', async () => {
    await start();
    const peer = await Peer.connect(running.url);
    pass(300);
    await peer.close();
    pass();
    await open({ hasTouch: true });
    const plot = stage.page.locator('[data-figure=messages] .u-over');
    const { width } = (await plot.boundingBox())!;
    await plot.hover({ position: { x: width / 2, y: 20 } });
    await stage.page
      .locator('[data-figure=connections] .span')
      .filter({ hasText: /^1 at \d\d:\d\d:\d\d$/ })
      .waitFor({ timeout: SEEN_MS });
    await picture(stage.page, 'status-page-pointed');
    await stage.page.mouse.move(0, 0);
    await until('[data-figure=connections] .span', 'lowest 0 · highest 1');

    await plot.tap({ position: { x: width / 2, y: 20 } });
    await stage.page
      .locator('[data-figure=heap] .span')
      .filter({ hasText: /^[\d.]+ MB at \d\d:\d\d:\d\d$/ })
      .waitFor({ timeout: SEEN_MS });
    await stage.page.locator('h1').tap();
    await until('[data-figure=connections] .span', 'lowest 0 · highest 1');

    const slider = stage.page.locator('[data-figure=lonelyTopics] [role=slider]');
    expect(await slider.getAttribute('aria-valuetext')).toBe('0 now; lowest 0 · highest 0');
    await slider.focus();
    const now = await inChart('connections', '.span');
    await stage.page.keyboard.press('End');
    const [end, left] = [
      await inChart('connections', '.span'),
      await (await stage.page.keyboard.press('ArrowLeft'), inChart('connections', '.span')),
    ];
    expect([now, end, left]).toEqual([now, expect.stringMatching(/^0 at /), expect.stringMatching(/^1 at /)]);
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/^0 at \d\d:\d\d:\d\d$/);
    await stage.page.keyboard.press('Escape');
    expect(await inChart('connections', '.span')).toBe(now);
    expect(stage.complaints).toEqual([]);
  });

  it('says when the server goes away, and goes on with the next one', async () => {
    await start();
    const { port } = running.server.management!;
    pass(10);
    await open();
    expect(await textOf('#banner')).toBe('');
    await running.close();
    await stage.page
      .locator('#banner')
      .filter({ hasText: /^No figures from the server since \d\d:\d\d:\d\d; trying again\.$/ })
      .waitFor({ timeout: SEEN_MS });
    expect(await stage.page.getAttribute('body', 'data-fresh')).toBe('no');
    expect(await textOf('#phase')).toBe('Not reachable');
    await picture(stage.page, 'status-page-away');
    await start({ managementAddr: `127.0.0.1:${port}` });
    await stage.page.waitForSelector('[data-fresh=yes]', { timeout: SEEN_MS });
    expect([await textOf('#banner'), await textOf('#phase')]).toEqual(['', 'Serving']);
    // What the browser says of connections refused, and nothing else.
    expect(stage.complaints.filter((complaint) => !complaint.includes('net::ERR_'))).toEqual([]);
  });

  it('comes back to a server that had too many pages open', async () => {
    await start();
    const others = await Promise.all(Array.from({ length: MAX_STREAMS }, () => fetch(`${running.management}/events`)));
    await visit({});
    await stage.page
      .locator('#banner')
      .filter({ hasText: /^No figures from the server yet; trying again\.$/ })
      .waitFor({ timeout: SEEN_MS });
    await Promise.all(others.map((response) => response.body!.cancel()));
    await stage.page.waitForSelector('[data-fresh=yes]', { timeout: SEEN_MS });
    expect(await textOf('#banner')).toBe('');
  });

  it('shows the phase of the server, how long its certificate lasts and what went wrong', async () => {
    await start({ tlsCert: certificates.chain, tlsKey: certificates.key, authToken: 's3cret' });
    await open();
    expect([await textOf('#phase'), await textOf('#version'), await textOf('#bus')]).toEqual([
      'Serving',
      VERSION,
      'none',
    ]);
    expect(await textOf('#certificate')).toMatch(/^(\d+ days left|expires today)$/);
    // The certificate of the tests expires within the hour.
    expect(await textOf('#troubles')).toMatch(/^Certificate\s+tls-cert: .*expire[sd]/);
    await Peer.refused(running.url, { ca: certificates.ca, headers: { Authorization: 'Bearer wrong' } });
    running.server.app.get(Lifecycle, { strict: false }).leave();
    pass(2);
    await until('#phase', 'About to stop');
    await until('#uptime', '4 s');
    expect(await stage.page.isVisible('#nothing')).toBe(false);
    expect((await textOf('#troubles')).split(/\n\s*/)).toEqual(
      expect.arrayContaining(['Upgrades refused', `token_wrong${REFUSAL_REASONS.token_wrong}1`]),
    );
    running.server.app.get(Lifecycle, { strict: false }).drain();
    pass();
    await until('#phase', 'Draining');
  });

  it('shows only the time that the server has run, not minutes without a sample before it', async () => {
    await start();
    pass(15);
    await open();
    const least = (): Promise<string | null> =>
      stage.page.locator('[data-figure=connections] .plot').getAttribute('aria-valuemin');
    expect(Number(await least())).toBeLessThanOrEqual(-30);
    expect(Number(await least())).toBeGreaterThan(-120);
    // The first sample is at the left edge, so the line begins in the first columns.
    const [[, columns]] = (await stage.page.evaluate(LINES)) as [string, number][];
    expect(columns).toBeGreaterThan(100);
  });

  it('covers nothing with what it says when the server is away', async () => {
    await start({ allowedOrigins: 'https://app.example.com', maxTopicBytes: 64 });
    await misbehave();
    await open();
    await running.close();
    await stage.page.locator('#banner').filter({ hasText: /./ }).waitFor({ timeout: SEEN_MS });
    const overlapping = await stage.page.evaluate(`(() => {
      const banner = document.getElementById('banner').getBoundingClientRect();
      return [...document.querySelectorAll('header, .chart, .troubles, footer')]
        .map((element) => [element.className, element.getBoundingClientRect()])
        .filter(([, { top, bottom }]) => top < banner.bottom && bottom > banner.top)
        .map(([name]) => name);
    })()`);
    expect(overlapping).toEqual([]);
  });

  it('claims nothing without JavaScript', async () => {
    await start();
    await visit({ javaScriptEnabled: false });
    expect(await stage.page.isVisible('#nothing')).toBe(false);
    expect(await stage.page.isVisible('#phase')).toBe(false);
    expect(await stage.page.innerText('main')).toContain('This page needs JavaScript');
    expect(await stage.page.innerText('main')).not.toMatch(/Nothing:|Connecting/);
  });

  it('takes other colours when the system does', async () => {
    await start();
    pass(20);
    await open({ colorScheme: 'light' });
    await stage.page.emulateMedia({ colorScheme: 'dark' });
    await expectLines();
    expect(stage.complaints).toEqual([]);
  });

  it.each([
    ['status-page', DESKTOP],
    ['status-page-dark', { ...DESKTOP, colorScheme: 'dark' }],
    ['status-page-phone', PHONE],
    ['status-page-phone-dark', { ...PHONE, colorScheme: 'dark' }],
    ['status-page-narrow', { ...PHONE, viewport: { width: 320, height: 640 } }],
  ] as const)('%s.png: nothing is wider than the window', async (name, { viewport, ...options }) => {
    await start({ allowedOrigins: 'https://app.example.com', maxTopicBytes: 64 });
    await misbehave();
    if (viewport.width > 390) await live();
    else pass(250);
    await open({ viewport, ...options });
    await (name === 'status-page' ? documentPicture(stage.page, name) : picture(stage.page, name));
    // Not innerWidth, which on a phone grows with what is too wide.
    expect(await stage.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(viewport.width);
    expect(stage.complaints).toEqual([]);
  });
});
