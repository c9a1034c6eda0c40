import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import type { SettingsInput } from '../../src/config/settings.js';
import { METRICS } from '../../src/exposition/metric-table.js';
import { PROCESS_METRICS } from '../../src/exposition/process-metrics.js';
import { DirectWrites } from '../../src/transport/direct-writes.js';
import { clientFrame } from '../support/client-frame.js';
import { ManualClock } from '../support/manual-clock.js';
import { makeCertificates } from '../support/certificates.js';
import { Peer, settle } from '../support/peer.js';
import { RawConnection } from '../support/raw-http.js';
import { scrape } from '../support/scrape.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { eventually } from '../support/until.js';

afterEach(stopServers);

const start = (input: SettingsInput = {}, clock?: ManualClock): Promise<RunningServer> =>
  startServer({ managementAddr: '127.0.0.1:0', ...input }, 'trace', clock);
const metricsOf = (running: RunningServer): Promise<Map<string, number>> => scrape(`${running.management}/metrics`);

/** Resolves once a sample has a value: the server hears of an end when it does. */
async function becomes(running: RunningServer, sample: string, value: number): Promise<void> {
  await eventually(
    async () => (await metricsOf(running)).get(sample),
    (found) => found === value,
  );
}

describe('metrics', () => {
  it('O3: are exactly those of the table, each with a type and a sentence', async () => {
    const running = await start();
    const response = await fetch(`${running.management}/metrics`);
    expect(response.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    const text = await response.text();
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
      ([, name, type]) => `${name}${type === 'counter' ? '_total' : ''} ${type}`,
    );
    expect(families).toEqual([...METRICS, ...PROCESS_METRICS].map(({ name, type }) => `${name} ${type}`));
    expect(text.match(/^# HELP \S+ \S/gm)).toHaveLength(families.length);
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });

  it('are in the text format 0.0.4 for a scraper that prefers it, with the same samples', async () => {
    const running = await start({ metricsToken: 'm3trics' });
    const addresses = [`${running.management}/metrics`, `${running.http}/metrics`];
    for (const address of addresses) {
      const headers = { Authorization: 'Bearer m3trics', Accept: 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1' };
      const response = await fetch(address, { headers });
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(response.headers.get('vary')).toBe('Accept');
      const text = await response.text();
      const families = [...text.matchAll(/^# TYPE (\S+ \S+)$/gm)].map(([, family]) => family);
      expect(families).toEqual([...METRICS, ...PROCESS_METRICS].map(({ name, type }) => `${name} ${type}`));
      expect([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name)).toEqual(
        [...METRICS, ...PROCESS_METRICS].map(({ name }) => name),
      );
      const samples = [...text.matchAll(/^([a-z_]+)(?:\{.*\})? \S+$/gm)].map(([, name]) => name);
      expect(samples.filter((name) => name === 'cairn_signal_deliveries_total')).toHaveLength(1);
      expect(text).not.toContain('# EOF');
    }
  });

  it('O3: follow the rules of Prometheus for names and units', () => {
    for (const { name, type } of METRICS) {
      expect(name).toMatch(/^cairn_signal_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/);
    }
    expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
  });

  it('O3: reveal no topics, peers, addresses or tokens', async () => {
    const running = await start({ authToken: 's3cret-t0ken' });
    const headers = { Authorization: 'Bearer s3cret-t0ken' };
    const [a, b] = [await Peer.connect(running.url, { headers }), await Peer.connect(running.url, { headers })];
    a.subscribe('the-t0pic');
    b.relay('the-t0pic', 'the-payl0ad');
    await Peer.refused(running.url, { headers: { Authorization: 'Bearer wr0ng' } });
    await settle([a, b], [a]);
    const text = await (await fetch(`${running.management}/metrics`)).text();
    expect(text).not.toMatch(/t0pic|payl0ad|t0ken|wr0ng|127\.0\.0\.1/);
  });

  it('count connections as they come and go, by close code', async () => {
    const running = await start({ maxTopicBytes: 4 });
    const peers = [
      await Peer.connect(running.url),
      await Peer.connect(running.url),
      await Peer.connect(running.url),
      await Peer.connect(running.url),
    ];
    const before = await metricsOf(running);
    expect([before.get('cairn_signal_connections'), before.get('cairn_signal_connections_opened_total')]).toEqual([
      4, 4,
    ]);
    peers[0].subscribe('too long');
    expect((await peers[0].closed).code).toBe(1008);
    peers[1].socket.close(1001);
    peers[2].socket.close(3777);
    peers[3].socket.terminate();
    await becomes(running, 'cairn_signal_connections', 0);
    const after = await metricsOf(running);
    const closed = (code: string): number | undefined =>
      after.get(`cairn_signal_connections_closed_total{code="${code}"}`);
    expect(['1001', '1006', '1008', 'other', '1000'].map(closed)).toEqual([1, 1, 1, 1, 0]);
  });

  it('show how many connections there may be', async () => {
    expect((await metricsOf(await start({ maxConnections: 7 }))).get('cairn_signal_max_connections')).toBe(7);
  });

  it("count a close that the WebSocket layer starts by that close's code, whatever the peer answers", async () => {
    const running = await start({ maxMessageBytes: 1024 });
    const peer = await Peer.connect(running.url);
    peer.send(Buffer.alloc(2000));
    expect((await peer.closed).code).toBe(1009);
    await becomes(running, 'cairn_signal_connections', 0);
    expect((await metricsOf(running)).get('cairn_signal_connections_closed_total{code="1009"}')).toBe(1);
  });

  it('D2: count the connections that a drain closes apart from those that go away on their own, which have the same code', async () => {
    const running = await start({ drainTimeout: '1m' });
    const [leaves, stays] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    // Holds the drain open, and the metrics with it, until they are read.
    const stubborn = await RawConnection.upgraded(running.port);
    leaves.socket.close(1001);
    await becomes(running, 'cairn_signal_connections', 2);
    const closing = running.close();
    expect(await stays.closed).toMatchObject({
      code: 1001,
      reason: expect.stringMatching(/^restart; retry in \d+ s$/),
    });
    await becomes(running, 'cairn_signal_connections', 1);
    const after = await metricsOf(running);
    expect(
      ['1001', 'drain', 'other'].map((code) => after.get(`cairn_signal_connections_closed_total{code="${code}"}`)),
    ).toEqual([1, 1, 0]);
    stubborn.socket.destroy();
    await closing;
  });

  it.each([1002, 1008, 1009, 1011, 4001, 4008, 4009])(
    'count a peer that closes with %s itself as other: only this server may use that code',
    async (code) => {
      const running = await start();
      const raw = await RawConnection.upgraded(running.port);
      raw.write(clientFrame(0x88, Buffer.from([code >> 8, code & 255])));
      await raw.ended;
      await becomes(running, 'cairn_signal_connections', 0);
      const after = await metricsOf(running);
      expect(
        [String(code), 'other'].map((label) => after.get(`cairn_signal_connections_closed_total{code="${label}"}`)),
      ).toEqual([0, 1]);
    },
  );

  it("count a peer that is cut after the server's close by the server's code", async () => {
    const running = await start({ maxTopicBytes: 4 });
    const raw = await RawConnection.upgraded(running.port);
    // A Subscribe to "12345"; the close is never answered.
    const message = Buffer.from('a169537562736372696265a165746f706963653132333435', 'hex');
    raw.write(clientFrame(0x82, message));
    await raw.heard('max-topic-bytes');
    raw.socket.destroy();
    await becomes(running, 'cairn_signal_connections', 0);
    expect((await metricsOf(running)).get('cairn_signal_connections_closed_total{code="1008"}')).toBe(1);
  });

  it.each([
    ['token_missing', {}, 401],
    ['token_wrong', { Authorization: 'Bearer no' }, 401],
    ['origin', { Authorization: 'Bearer s3cret', Origin: 'https://elsewhere.example' }, 403],
  ])('count an upgrade refused for %s', async (reason, headers, status) => {
    const running = await start({ authToken: 's3cret', allowedOrigins: 'https://app.example' });
    expect((await Peer.refused(running.url, { headers })).status).toBe(status);
    expect((await metricsOf(running)).get(`cairn_signal_upgrades_refused_total{reason="${reason}"}`)).toBe(1);
  });

  it('count upgrades that are refused for throttled tokens, full servers and networks, broken handshakes and a drain', async () => {
    const running = await start({
      authToken: 's3cret',
      maxWrongTokens: 1,
      trustedProxies: '127.0.0.1',
      maxConnections: 2,
      maxConnectionsPerIp: 1,
    });
    const from = (address: string, token: string): { headers: Record<string, string> } => ({
      headers: { 'X-Forwarded-For': address, Authorization: `Bearer ${token}` },
    });
    for (let i = 0; i < 2; i++) await Peer.refused(running.url, from('198.51.100.1', 'no'));
    await Peer.connect(running.url, from('198.51.100.2', 's3cret'));
    await Peer.refused(running.url, from('198.51.100.2', 's3cret'));
    await Peer.connect(running.url, from('198.51.100.3', 's3cret'));
    await Peer.refused(running.url, from('198.51.100.4', 's3cret'));
    const raw = await RawConnection.open(running.port);
    raw.write('CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n');
    await raw.ended;
    const metrics = await metricsOf(running);
    const refused = (reason: string): number | undefined =>
      metrics.get(`cairn_signal_upgrades_refused_total{reason="${reason}"}`);
    expect(['token_throttled', 'connections_per_ip', 'connections', 'malformed', 'draining'].map(refused)).toEqual([
      1, 1, 1, 1, 0,
    ]);
  });

  it('count topics, those with one subscriber, and how long they waited for the second', async () => {
    const clock = new ManualClock();
    const running = await start({}, clock);
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    a.subscribe('met');
    a.subscribe('lonely');
    await a.sync();
    clock.pass(2000);
    b.subscribe('met');
    await b.sync();
    let metrics = await metricsOf(running);
    const told = (name: string): number | undefined => metrics.get(`cairn_signal_${name}`);
    expect([told('topics'), told('lonely_topics'), told('subscriptions')]).toEqual([2, 1, 3]);
    const meeting = 'topic_meeting_seconds';
    expect([
      told(`${meeting}_count`),
      told(`${meeting}_sum`),
      told(`${meeting}_bucket{le="1"}`),
      told(`${meeting}_bucket{le="2.5"}`),
    ]).toEqual([1, 2, 0, 1]);

    // One that is refused meets nobody.
    for (const limits of [{ maxTopicsPerConnection: 1 }, { maxSubscribersPerTopic: 1 }, { maxSubscriptions: 2 }]) {
      const strict = await start(limits);
      const [c, d] = [await Peer.connect(strict.url), await Peer.connect(strict.url)];
      c.subscribe('met');
      await c.sync();
      d.subscribe('other');
      d.subscribe('met');
      expect((await d.closed).code).toBe(1008);
      expect((await metricsOf(strict)).get(`cairn_signal_${meeting}_count`)).toBe(0);
    }

    // A second meeting on the same topic does not count: its subscribers came back.
    b.unsubscribe('met');
    b.subscribe('met');
    b.unsubscribe('met');
    await b.sync();
    metrics = await metricsOf(running);
    expect([told('lonely_topics'), told(`${meeting}_count`)]).toEqual([2, 1]);
    await a.close();
    await becomes(running, 'cairn_signal_topics', 0);
    metrics = await metricsOf(running);
    expect([told('lonely_topics'), told('subscriptions')]).toEqual([0, 0]);
  });

  it('count messages by kind, deliveries, bytes, unheard relays and dropped messages', async () => {
    const running = await start();
    const [a, b, c] = [
      await Peer.connect(running.url),
      await Peer.connect(running.url),
      await Peer.connect(running.url),
    ];
    for (const peer of [a, b, c]) peer.subscribe('t');
    c.unsubscribe('t');
    await settle([a, b, c], []);
    const before = await metricsOf(running);
    const relay = a.relay('t', 'x'.repeat(100));
    a.relay('nobody', 'x');
    // The payload as an array: decoded strictly, and passed on canonically.
    a.send(Buffer.from('a16552656c6179a265746f7069636174677061796c6f616481187b', 'hex'));
    a.send(Buffer.from('ff', 'hex'));
    a.send('hello');
    await settle([a], [b]);
    const after = await metricsOf(running);
    const more = (sample: string): number =>
      after.get(`cairn_signal_${sample}`)! - before.get(`cairn_signal_${sample}`)!;
    expect(
      ['relay', 'subscribe', 'unsubscribe'].map((kind) =>
        after.get(`cairn_signal_messages_received_total{kind="${kind}"}`),
      ),
    ).toEqual([3, 3, 1]);
    expect([more('deliveries_total'), more('relays_unheard_total')]).toEqual([2, 1]);
    expect([
      more('messages_dropped_total{reason="undecodable"}'),
      more('messages_dropped_total{reason="unknown_text"}'),
    ]).toEqual([1, 1]);
    expect(more('sent_bytes_total')).toBeGreaterThan(relay.length);
    expect(more('received_bytes_total')).toBeGreaterThan(relay.length);
  });

  it('time one message in 128', async () => {
    const running = await start();
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    b.subscribe('t');
    await b.sync();
    for (let i = 0; i < 256; i++) a.relay('t', 'x');
    await settle([a], [b]);
    const metrics = await metricsOf(running);
    expect(metrics.get('cairn_signal_relay_handling_seconds_count')).toBe(2);
    expect(metrics.get('cairn_signal_relay_seconds_count')).toBe(2);
  });

  it('time a relay until its subscribers are written to, with what the turn brings besides', async () => {
    const clock = new ManualClock();
    const running = await start({}, clock);
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    b.subscribe('t');
    await b.sync();
    // The last of them is timed, and time passes until its frame is written.
    for (let i = 0; i < 126; i++) a.relay('t', 'x');
    await settle([a], [b]);
    // oxlint-disable-next-line typescript/unbound-method -- called with what writes as its this
    const { write } = DirectWrites.prototype;
    const written = jest.spyOn(DirectWrites.prototype, 'write').mockImplementation(function (
      this: DirectWrites,
      ...args
    ) {
      clock.pass(20);
      return write.apply(this, args);
    });
    a.relay('t', 'x');
    await settle([a], [b]);
    written.mockRestore();
    const metrics = await metricsOf(running);
    const within = (name: string, le: string): number | undefined =>
      metrics.get(`cairn_signal_${name}_bucket{le="${le}"}`);
    expect([within('relay_handling_seconds', '0.000002'), within('relay_seconds', '0.01')]).toEqual([1, 0]);
    expect(metrics.get('cairn_signal_relay_seconds_count')).toBe(1);
  });

  it('count what JSON peers do, and time how soon another connection finds a record', async () => {
    const clock = new ManualClock();
    const running = await start({}, clock);
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    await a.say({ type: 'publish', topic: 't', payload: 'eA==' });
    await a.say({ type: 'announce', topic: 't', addresses: ['x'] });
    await a.say({ type: 'query', topic: 't' });
    clock.pass(400);
    await b.say({ type: 'query', topic: 't' });
    clock.pass(400);
    await b.say({ type: 'query', topic: 't' });
    await b.say({ type: 'publish', topic: 't', payload: '*' });
    const metrics = await metricsOf(running);
    const told = (name: string): number | undefined => metrics.get(`cairn_signal_${name}`);
    expect([
      told('records'),
      told('records_accepted_total{kind="publish"}'),
      told('records_accepted_total{kind="announce"}'),
    ]).toEqual([2, 1, 1]);
    expect([
      told('queries_total{result="hit"}'),
      told('queries_total{result="miss"}'),
      told('json_refused_total{code="malformed"}'),
    ]).toEqual([2, 1, 1]);
    expect([told('record_found_seconds_count'), told('record_found_seconds_sum')]).toEqual([2, 0.8]);
    expect(told('records_bytes')).toBeGreaterThan(0);
  });

  it('count a publication that is sent to a late CBOR subscriber as a record found', async () => {
    const running = await start();
    const publisher = await Peer.connect(running.url);
    await publisher.say({ type: 'publish', topic: 't', payload: 'eA==' });
    const late = await Peer.connect(running.url);
    late.subscribe('t');
    await late.next();
    expect((await metricsOf(running)).get('cairn_signal_record_found_seconds_count')).toBe(1);
  });

  it('show when the certificate expires, and nothing without TLS', async () => {
    const plain = await start();
    expect([...(await metricsOf(plain)).keys()].filter((sample) => sample.includes('tls_certificate'))).toEqual([]);
    const certificates = await makeCertificates();
    try {
      const running = await start({ tlsCert: certificates.chain, tlsKey: certificates.key });
      const expiry = (await metricsOf(running)).get('cairn_signal_tls_certificate_expiry_timestamp_seconds')!;
      // It was made to expire in an hour.
      expect(expiry - Date.now() / 1000).toBeGreaterThan(1800);
      expect(expiry - Date.now() / 1000).toBeLessThanOrEqual(3600);
    } finally {
      certificates.remove();
    }
  });

  it('show nothing about a bus if there is none', async () => {
    const metrics = await metricsOf(await start());
    expect(metrics.has('cairn_signal_backplane_up')).toBe(false);
    expect(metrics.has('cairn_signal_backplane_round_trip_seconds')).toBe(false);
  });
});

describe('metrics in public', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-metrics-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('O2: do not exist without metrics-token', async () => {
    const running = await startServer({ authToken: 's3cret' });
    const response = await fetch(`${running.http}/metrics`, { headers: { Authorization: 'Bearer s3cret' } });
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { message: expect.stringContaining('Nothing here') },
    ]);
  });

  it('O2: the token may be in a file, which is read again when it changes', async () => {
    const path = join(folder, 'metrics-token');
    writeFileSync(path, 'first\n');
    const running = await startServer({ metricsTokenFile: path });
    const status = async (token: string): Promise<number> =>
      (await fetch(`${running.http}/metrics`, { headers: { Authorization: `Bearer ${token}` } })).status;
    expect([await status('first'), await status('second')]).toEqual([200, 401]);
    writeFileSync(path, 'second\n');
    await running.server.reload();
    expect([await status('first'), await status('second')]).toEqual([401, 200]);
    // A file that cannot be used changes nothing.
    writeFileSync(path, 'two\nlines\n');
    await running.server.reload();
    expect([await status('first'), await status('second')]).toEqual([401, 200]);
    await expect(startServer({ metricsTokenFile: path })).rejects.toThrow('expected one line');
    await expect(startServer({ metricsTokenFile: join(folder, 'none') })).rejects.toThrow('there is no such file');
    writeFileSync(path, 's3cret');
    await expect(startServer({ metricsTokenFile: path, authToken: 's3cret' })).rejects.toThrow('are the same');
  });

  it('O2: are for clients that show metrics-token; any other token gets 401', async () => {
    const running = await startServer({ authToken: 's3cret', metricsToken: 'sc4pe' });
    for (const headers of [
      {},
      { Authorization: 'Bearer s3cret' },
      { Authorization: 'Bearer ' },
      { Authorization: 'sc4pe' },
    ] as Record<string, string>[]) {
      const response = await fetch(`${running.http}/metrics`, { headers });
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    }
    expect((await scrape(`${running.http}/metrics`, 'sc4pe')).get('cairn_signal_ready')).toBe(1);
    // It opens the metrics, not the server.
    await expect(Peer.connect(running.url, { headers: { Authorization: 'Bearer sc4pe' } })).rejects.toThrow('401');
  });
});
