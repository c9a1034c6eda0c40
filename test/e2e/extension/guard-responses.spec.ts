import { HttpException, HttpStatus, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { upgradeOf } from '../../../src/embedding.js';
import { RefusalCounts } from '../../../src/metrics/refusal-counts.js';
import { closeMounted, mount } from '../../support/mounted-application.js';
import type { MountedApplication } from '../../support/mounted-application.js';
import { WebSocket } from 'ws';
import { Peer } from '../../support/peer.js';

afterEach(closeMounted);

/** What guards find in the responses of Express and Fastify, as far as it makes sense at an upgrade. */
interface Response {
  statusCode: number;
  readonly headersSent: boolean;
  readonly sent: boolean;
  setHeader(name: string, value: number | string | readonly string[]): this;
  getHeader(name: string): unknown;
  removeHeader(name: string): void;
  appendHeader(name: string, value: string): this;
  writeHead(status: number, headers?: Record<string, string>): this;
  write(chunk: string): boolean;
  end(chunk?: string): this;
  header(name: string, value: number | string | readonly string[]): this;
  headers(values: Record<string, string>): this;
  set(name: string | Record<string, string>, value?: string): this;
  get(name: string): unknown;
  append(name: string, value: string): this;
  type(value: string): this;
  status(code: number): this;
  code(code: number): this;
  sendStatus(code: number): this;
  json(body: unknown): this;
  send(body?: unknown): this;
  redirect(url: string): this;
  redirect(status: number, url: string): this;
  on(event: string, listener: () => void): this;
}

type Decide = (response: Response, context: ExecutionContext) => ReturnType<CanActivate['canActivate']>;

/** A guard class that does this. */
function guardThat(decide: Decide): Type<CanActivate> {
  @Injectable()
  class TestGuard implements CanActivate {
    canActivate(context: ExecutionContext): ReturnType<CanActivate['canActivate']> {
      return decide(context.switchToHttp().getResponse<Response>(), context);
    }
  }
  return TestGuard;
}

/** An application where this guard is one of ours, or a global one of the application. */
const KINDS: readonly (readonly [string, (decide: Decide) => Promise<MountedApplication>])[] = [
  ['a guard of the registration', (decide) => mount({ guards: [guardThat(decide)] })],
  ['a global guard', (decide) => mount({}, { providers: [{ provide: APP_GUARD, useClass: guardThat(decide) }] })],
];

/** The headers of the answer that lets a peer in. */
async function welcomed(url: string): Promise<Record<string, unknown>> {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.once('upgrade', ({ headers }) => resolve(headers));
    socket.once('open', () => socket.close());
    socket.once('error', reject);
  });
}

describe.each(KINDS)('the response that %s gets', (_kind, guarded) => {
  it('G5: gives its headers to a peer that is let in', async () => {
    const { url } = await guarded((response) => {
      response.header('X-RateLimit-Limit', 10).setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.set({ 'X-One': '1' }).set('X-Two', '2').append('X-Two', '3');
      response.setHeader('X-Gone', 'x');
      response.removeHeader('X-Gone');
      return response.get('x-one') === '1' && !response.headersSent;
    });
    const headers = await welcomed(url);
    expect(headers).toMatchObject({
      'x-ratelimit-limit': '10',
      'set-cookie': ['a=1', 'b=2'],
      'x-one': '1',
      'x-two': '2, 3',
    });
    expect(headers).not.toHaveProperty('x-gone');
    await Peer.connect(url);
  });

  it('G5: leaves the handshake its own headers', async () => {
    const { url } = await guarded((response) => {
      response.set({ Connection: 'close', Upgrade: 'h2c', 'Content-Length': '3', 'Transfer-Encoding': 'chunked' });
      response.set({ 'Sec-WebSocket-Accept': 'x', 'Sec-WebSocket-Protocol': 'y', 'Sec-WebSocket-Extensions': 'z' });
      return true;
    });
    const headers = await welcomed(url);
    expect(headers).toMatchObject({ connection: 'Upgrade', upgrade: 'websocket' });
    for (const name of ['content-length', 'transfer-encoding', 'sec-websocket-protocol', 'sec-websocket-extensions']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('G5: gives its headers to the refusal, whoever refuses', async () => {
    const { url } = await guarded((response) => {
      response.setHeader('Retry-After', 7);
      response.set({ 'cache-control': 'private', 'content-length': '1', connection: 'keep-alive' });
      return false;
    });
    const { status, headers, body } = await Peer.refused(url);
    expect(status).toBe(403);
    expect(headers).toMatchObject({ 'retry-after': '7', 'cache-control': 'private', connection: 'close' });
    expect(body).not.toBe('');
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
  });

  it('G5: gives its status to the refusal of a guard that answers false', async () => {
    const { url } = await guarded((response) => {
      response.status(402);
      return false;
    });
    expect((await Peer.refused(url)).status).toBe(402);
  });

  it.each([
    ['status and send', (response: Response) => response.status(403).send('no'), 403, 'no', 'text/html'],
    [
      'status and json',
      (response: Response) => response.status(401).json({ why: 'no' }),
      401,
      '{"why":"no"}',
      'application/json',
    ],
    [
      'an object sent',
      (response: Response) => response.status(409).send({ why: 'no' }),
      409,
      '{"why":"no"}',
      'application/json',
    ],
    ['sendStatus', (response: Response) => response.sendStatus(404), 404, 'Not Found', 'text/plain'],
    ['end alone', (response: Response) => response.status(418).end(), 418, '', undefined],
    [
      'code and send, as Fastify has it',
      (response: Response) => response.code(429).type('text/css').send('no'),
      429,
      'no',
      'text/css',
    ],
    ['a status for a success', (response: Response) => response.send('hello'), 200, 'hello', 'text/html'],
    ['the status of a welcome', (response: Response) => response.status(101).end(), 403, '', undefined],
    [
      'writeHead, write and end',
      (response: Response) => {
        response.writeHead(410, { 'Content-Type': 'text/x' }).write('no ');
        response.end('more');
      },
      410,
      'no more',
      'text/x',
    ],
  ] as const)('G5: refuses when it is ended: %s', async (_how, end, status, text, type) => {
    for (const answer of [true, false, undefined]) {
      const { application, url } = await guarded((response) => {
        end(response);
        return answer as boolean;
      });
      const refused = await Peer.refused(url);
      expect([refused.status, refused.body]).toEqual([status, text]);
      expect(refused.headers['content-type']?.replace(/;.*/, '')).toBe(type);
      expect(application.get(RefusalCounts, { strict: false }).of('guard')).toBe(1);
      await closeMounted();
    }
  });

  it('G5: redirects, and says that it is ended', async () => {
    const { url } = await guarded((response) => {
      response.redirect('/login');
      return response.headersSent && response.sent;
    });
    const { status, headers } = await Peer.refused(url);
    expect([status, headers.location]).toEqual([302, '/login']);
  });

  it('G5: refuses when it is ended by a guard that never answers', async () => {
    const { url } = await guarded((response) => {
      response.status(403).end('no');
      return new Promise(() => undefined);
    });
    expect((await Peer.refused(url)).body).toBe('no');
  });

  it('G5: takes no header that would end the line', async () => {
    const { url } = await guarded((response) => {
      try {
        response.setHeader('X-Echo', 'a\r\nX-Injected: b');
      } catch {
        return true;
      }
      return false;
    });
    expect(await welcomed(url)).not.toHaveProperty('x-injected');
  });

  it('G5: lets nobody in where what a guard has waiting for its end throws', async () => {
    const { url } = await guarded((response) => {
      response.on('finish', () => {
        throw new TypeError('a bug');
      });
      return true;
    });
    expect((await Peer.refused(url)).status).toBe(500);
  });

  it.each([true, false])('G5: is over once the upgrade is answered: %s', async (answer) => {
    const events: string[] = [];
    const { url } = await guarded((response) => {
      for (const event of ['finish', 'close']) response.on(event, () => events.push(event));
      return answer;
    });
    await (answer ? Peer.connect(url) : Peer.refused(url));
    expect(events).toEqual(['finish', 'close']);
  });
});

/**
 * What ThrottlerGuard of @nestjs/throttler does with request and response; Jest cannot load that itself (CommonJS that
 * requires Nest).
 */
@Injectable()
class LikeThrottlerGuard implements CanActivate {
  readonly #hits = new Map<string, number>();

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const [req, res] = [
      http.getRequest<{ ip: string; headers: Record<string, string> }>(),
      http.getResponse<Response>(),
    ];
    const hits = (this.#hits.get(req.ip) ?? 0) + 1;
    this.#hits.set(req.ip, hits);
    if (hits > 1) {
      res.header('Retry-After', 60);
      throw new HttpException('ThrottlerException: Too Many Requests', HttpStatus.TOO_MANY_REQUESTS);
    }
    res.header('X-RateLimit-Limit', 1);
    res.header('X-RateLimit-Remaining', 0);
    return true;
  }
}

describe('a guard like ThrottlerGuard, as APP_GUARD', () => {
  it('G5: counts upgrades by address, and its headers and its 429 reach the peer', async () => {
    const { url } = await mount(
      { settings: { trustedProxies: '127.0.0.1' } },
      { providers: [{ provide: APP_GUARD, useClass: LikeThrottlerGuard }] },
    );
    expect(await welcomed(url)).toMatchObject({ 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0' });
    const { status, headers, body } = await Peer.refused(url);
    expect([status, body]).toEqual([429, 'ThrottlerException: Too Many Requests\n']);
    expect(headers['retry-after']).toBe('60');
    // Another address has a count of its own.
    await Peer.connect(url, { headers: { 'X-Forwarded-For': '203.0.113.1' } });
  });
});

describe('the request that a guard gets', () => {
  it('has the address as Express and Fastify call it', async () => {
    const seen: unknown[] = [];
    const { url } = await mount({
      guards: [
        guardThat((_response, context) => {
          const { ip, peerAddress } = upgradeOf(context);
          seen.push(ip, peerAddress);
          return true;
        }),
      ],
    });
    await Peer.connect(url);
    expect(seen).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});
