import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Lifecycle } from '../../src/lifecycle/lifecycle.js';
import { History, INTERVAL_MS, KEPT } from '../../src/status/history.js';
import type { Sample } from '../../src/status/sampler.js';
import { Sources } from '../../src/exposition/sources.js';
import { MAX_STREAMS, MAX_WAITING_BYTES, StatusStreams } from '../../src/status/status-streams.js';
import { troublesOf } from '../../src/status/troubles.js';
import { VERSION } from '../../src/version.js';
import { EventStream } from '../support/event-stream.js';
import type { ServerSentEvent } from '../support/event-stream.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer, settle } from '../support/peer.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

afterEach(stopServers);

const MANAGED = { managementAddr: '127.0.0.1:0' };
/** More samples than the kernel buffers for a peer that does not read: 16 MB, at more than 200 bytes each. */
const PLENTY = 80_000;
/** Samples that are sent together: far fewer than may wait for one stream. */
const AT_ONCE = 100;

const historyOf = (running: RunningServer): History => running.server.app.get(History, { strict: false });
const streamsOf = (running: RunningServer): StatusStreams => running.server.app.get(StatusStreams, { strict: false });

/** Lets the time of one sample pass. */
function pass(running: RunningServer, clock: ManualClock): void {
  clock.pass(INTERVAL_MS);
  historyOf(running).sample();
}

/** The figures of a row, by name. */
function named(figures: unknown, row: unknown): Sample {
  return Object.fromEntries(
    (figures as string[]).map((figure, index) => [figure, (row as number[])[index]]),
  ) as unknown as Sample;
}

/** The next event, which is a sample. */
async function nextSample(stream: EventStream, { data: { figures } }: ServerSentEvent): Promise<Sample> {
  const { name, data } = (await stream.next())!;
  expect(name).toBe('sample');
  return named(figures, data.sample);
}

describe('the status page', () => {
  it('O1: is at / of the management address, under a strict policy, and not on the public address', async () => {
    const running = await startServer(MANAGED);
    const response = await fetch(`${running.management}/`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'/,
    );
    const html = await response.text();
    expect(html).not.toMatch(/https?:|style=|<script>|<style/);

    const links = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name]) => name);
    expect(links).toEqual(
      expect.arrayContaining([
        'page/status.js',
        'page/status.css',
        'page/look.css',
        'page/uplot.js',
        'page/uplot.css',
        'metrics',
        'health',
      ]),
    );
    for (const name of links) {
      expect([name, (await fetch(`${running.management}/${name}`)).status]).toEqual([name, 200]);
    }
    for (const name of ['page/status.js', 'events']) expect((await fetch(`${running.http}/${name}`)).status).toBe(404);
    expect((await fetch(`${running.management}/page/nothing.js`)).status).toBe(404);
  });

  it('serves the chart library unchanged from its package', async () => {
    const running = await startServer(MANAGED);
    const file = createRequire(import.meta.url).resolve('uplot/dist/uPlot.iife.min.js');
    const response = await fetch(`${running.management}/page/uplot.js`);
    expect([response.headers.get('content-type'), await response.text()]).toEqual([
      'text/javascript; charset=utf-8',
      readFileSync(file, 'utf8'),
    ]);
  });

  it('has modules that import only what is served next to them', async () => {
    const running = await startServer(MANAGED);
    const seen = new Set(['status.js']);
    for (const name of seen) {
      const response = await fetch(`${running.management}/page/${name}`);
      expect([name, response.status]).toEqual([name, 200]);
      for (const [, imported] of (await response.text()).matchAll(/^import .* from '\.\/(.+)';$/gm)) seen.add(imported);
    }
    expect(seen.size).toBeGreaterThan(5);
  });
});

describe('the stream of the status page', () => {
  it('begins with the history, and continues with each sample', async () => {
    const clock = new ManualClock();
    const running = await startServer(MANAGED, 'warn', clock);
    for (let i = 0; i < 3; i++) pass(running, clock);
    const stream = await EventStream.open(`${running.management}/events`);
    expect([
      stream.response.status,
      stream.response.headers.get('content-type'),
      stream.response.headers.get('cache-control'),
    ]).toEqual([200, 'text/event-stream', 'no-store']);
    const history = (await stream.next())!;
    expect(history).toMatchObject({
      name: 'history',
      data: {
        version: VERSION,
        phase: 'serving',
        bus: 'off',
        certificateEnds: null,
        troubles: [],
        intervalSeconds: 2,
        keptSeconds: 600,
        heapLimit: expect.any(Number),
      },
    });
    const { figures, samples } = history.data;
    expect((samples as number[][]).map((row) => named(figures, row).at)).toEqual([0, 2, 4, 6]);

    const [one, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    one.subscribe('t');
    other.subscribe('t');
    other.subscribe('alone');
    await settle([one, other], []);
    one.relay('t', 'word');
    one.send(Buffer.from('no message'));
    await settle([one], [other]);
    pass(running, clock);
    expect(await nextSample(stream, history)).toMatchObject({
      at: 8,
      connections: 2,
      topics: 2,
      lonelyTopics: 1,
      subscriptions: 3,
      records: 0,
      messages: 2.5,
      deliveries: 0.5,
      refused: 0,
    });
    await one.close();
    await until(() => running.connections.size <= 1);
    pass(running, clock);
    expect(await nextSample(stream, history)).toMatchObject({
      at: 10,
      connections: 1,
      topics: 2,
      lonelyTopics: 2,
      messages: 0,
      deliveries: 0,
    });
    await stream.close();
  });

  it('reports the phase, the certificate and what went wrong', async () => {
    const clock = new ManualClock();
    const running = await startServer({ ...MANAGED, authToken: 's3cret', maxTopicBytes: 4 }, 'warn', clock);
    const stream = await EventStream.open(`${running.management}/events`);
    const history = (await stream.next())!;
    for (let i = 0; i < 2; i++) await Peer.refused(running.url);
    const peer = await Peer.connect(running.url, { headers: { Authorization: 'Bearer s3cret' } });
    peer.subscribe('too long');
    await until(() => running.connections.size === 0);
    running.server.app.get(Lifecycle, { strict: false }).leave();
    pass(running, clock);
    const { data } = (await stream.next())!;
    expect(named(history.data.figures, data.sample).refused).toBe(1);
    expect(data).toMatchObject({
      phase: 'lame-duck',
      troubles: [
        {
          title: 'Upgrades refused',
          troubles: [['token_missing', 2, 'The server needs a token, and the peer showed none (401).']],
        },
        { title: 'Limits reached', troubles: [['max-topic-bytes', 1, '']] },
        { title: 'Connections that ended badly', troubles: [['1008', 1, expect.any(String)]] },
      ],
    });
  });

  it('O3: reports what the topic policy dropped', async () => {
    class Nobody {
      allows(): boolean {
        return false;
      }
    }
    const running = await startServer(MANAGED, 'warn', new ManualClock(), { topicPolicy: Nobody });
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect(troublesOf(running.server.app.get(Sources, { strict: false }))).toEqual([
      { title: 'Messages dropped', troubles: [['forbidden', 1, 'not allowed by the topic policy or a token']] },
    ]);
  });

  it('O3: reveals no topics, peers, addresses or tokens', async () => {
    const clock = new ManualClock();
    const running = await startServer({ ...MANAGED, authToken: 's3cret-t0ken' }, 'warn', clock);
    const peer = await Peer.connect(running.url, { headers: { Authorization: 'Bearer s3cret-t0ken' } });
    peer.subscribe('the-t0pic');
    peer.relay('the-t0pic', 'the-payl0ad');
    await Peer.refused(running.url, { headers: { Authorization: 'Bearer wr0ng' } });
    await peer.sync();
    pass(running, clock);
    const stream = await EventStream.open(`${running.management}/events`);
    const text = JSON.stringify(await stream.next());
    expect(text).toContain('token_wrong');
    expect(text).not.toMatch(/t0pic|payl0ad|t0ken|wr0ng|127\.0\.0\.1/);
  });

  it('O5: keeps ten minutes', async () => {
    const clock = new ManualClock();
    const running = await startServer(MANAGED, 'warn', clock);
    for (let i = 0; i < KEPT + 7; i++) pass(running, clock);
    const { data } = (await (await EventStream.open(`${running.management}/events`)).next())!;
    const times = (data.samples as number[][]).map((row) => named(data.figures, row).at);
    expect([times.length, times[0], times.at(-1)]).toEqual([KEPT, 16, 614]);
  });

  it('O5: there is a maximum number of streams, and a place is free again when one ends', async () => {
    const running = await startServer(MANAGED);
    const url = `${running.management}/events`;
    const streams = await Promise.all(Array.from({ length: MAX_STREAMS }, () => EventStream.open(url)));
    expect(streams.map(({ response }) => response.status)).toEqual(streams.map(() => 200));
    const refused = await fetch(url);
    expect([refused.status, await refused.json()]).toEqual([
      503,
      {
        status: 503,
        error: 'Service Unavailable',
        message: `${MAX_STREAMS} status pages are already open; close one.`,
      },
    ]);
    await streams[0].close();
    await until(() => streamsOf(running).size !== MAX_STREAMS);
    expect((await EventStream.open(url)).response.status).toBe(200);
  });

  it('O5: HEAD takes no place', async () => {
    const running = await startServer(MANAGED);
    const response = await fetch(`${running.management}/events`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type'), streamsOf(running).size]).toEqual([
      200,
      'text/event-stream',
      0,
    ]);
  });

  it('O5: a client that does not read is dropped, and others notice nothing', async () => {
    const clock = new ManualClock();
    const running = await startServer(MANAGED, 'warn', clock);
    const [stuck, reader] = [
      await RawConnection.open(running.server.management!.port),
      await RawConnection.open(running.server.management!.port),
    ];
    stuck.socket.pause();
    for (const raw of [stuck, reader]) raw.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => streamsOf(running).size >= 2);
    let sent = 0;
    await until(
      () => !(streamsOf(running).size === 2 && sent < PLENTY),
      async () => {
        for (let i = 0; i < AT_ONCE; i++) pass(running, clock);
        sent += AT_ONCE;
        await until(() => reader.answer.slice(-1000).includes(`"sample":[${2 * sent},`));
      },
    );
    expect(streamsOf(running).size).toBe(1);
    expect(sent * 300).toBeGreaterThan(MAX_WAITING_BYTES);
    reader.socket.destroy();
    expect([...(await reader.ended).matchAll(/"sample":\[(\d+),/g)].map(([, at]) => Number(at))).toEqual(
      Array.from({ length: sent }, (_, index) => 2 * (index + 1)),
    );
  });

  it('O5: is open while the server drains, and then ends immediately', async () => {
    const clock = new ManualClock();
    const running = await startServer({ ...MANAGED, drainTimeout: '60s' }, 'warn', clock);
    const peer = await Peer.connect(running.url);
    const stream = await EventStream.open(`${running.management}/events`);
    expect(await stream.next()).toMatchObject({ name: 'history', data: { phase: 'serving' } });
    // It answers no close frame, so that the drain continues until it has left.
    peer.socket.pause();
    const closed = running.close();
    await until(() => running.server.app.get(Lifecycle, { strict: false }).phase === 'draining');
    pass(running, clock);
    expect(await stream.next()).toMatchObject({ data: { phase: 'draining' } });
    peer.socket.terminate();
    await closed;
    expect(await stream.next()).toBeUndefined();
    await until(() => streamsOf(running).size === 0);
  });

  it('outlives the timeouts of requests', async () => {
    const clock = new ManualClock();
    const running = await startServer({ ...MANAGED, handshakeTimeout: '100ms' }, 'warn', clock);
    const raw = await RawConnection.open(running.server.management!.port);
    raw.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => streamsOf(running).size !== 0);
    const opened = performance.now();
    // One incomplete request after the other is dropped, for longer than a connection may be silent here: 1.2 s.
    while (performance.now() < opened + 1500) {
      const other = await RawConnection.open(running.server.management!.port);
      other.write('GET /health HTTP/1.1\r\n');
      expect(await other.ended).toMatch(/^HTTP\/1.1 408 /);
    }
    expect(streamsOf(running).size).toBe(1);
  });

  it('without a management address nothing is sampled', async () => {
    expect(historyOf(await startServer()).samples).toEqual([]);
    expect(historyOf(await startServer(MANAGED)).samples).toHaveLength(1);
  });
});
