import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { Peer } from '../support/peer.js';
import { exchange, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

const HANDSHAKE = [
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];

function request(line: string, headers: string[]): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n`;
}

function without(name: string): string[] {
  return HANDSHAKE.filter((header) => !header.startsWith(name));
}

describe('auth at the upgrade', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-'));
  let running: RunningServer;

  beforeAll(async () => {
    const authTokenFile = join(folder, 'tokens');
    writeFileSync(
      authTokenFile,
      '# the old one\r\nfile-token-1\r\n\r\nfile-token-2\r\npadded-token1\r\npadded-token12',
    );
    running = await startServer({ authToken: 's3cret-Token', authTokenFile });
  });
  afterAll(async () => {
    await stopServers();
    rmSync(folder, { recursive: true });
  });

  const protocol = (token: string): string => `bearer.${Buffer.from(token).toString('base64url')}`;

  it.each([
    'Bearer s3cret-Token',
    'bearer s3cret-Token',
    'BEARER   s3cret-Token',
    ' Bearer s3cret-Token ',
    'Bearer file-token-1',
    'Bearer file-token-2',
  ])('lets in Authorization: "%s"', async (authorization) => {
    const peer = await Peer.connect(running.url, { headers: { authorization } });
    expect(await peer.close()).toMatchObject({ code: 1000 });
  });

  it('lets in a browser by subprotocol, selects cairn-signal and never echoes the token', async () => {
    const answer = await RawConnection.open(running.port);
    answer.write(
      request('GET / HTTP/1.1', [...HANDSHAKE, `Sec-WebSocket-Protocol: cairn-signal, ${protocol('s3cret-Token')}`]),
    );
    await answer.heard('\r\n\r\n');
    answer.socket.destroy();
    expect(answer.answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer.answer).toContain('Sec-WebSocket-Protocol: cairn-signal\r\n');
    expect(answer.answer).not.toContain('bearer.');
  });

  it.each([
    ['cairn-signal.v2, TOKEN', 'cairn-signal.v2'],
    ['TOKEN, cairn-signal.v2', 'cairn-signal.v2'],
    ['TOKEN, cairn-signal, cairn-signal.v2', 'cairn-signal.v2'],
    ['cairn-signal.v2, cairn-signal, TOKEN', 'cairn-signal.v2'],
    ['cairn-signal.V2, TOKEN, cairn-signal', 'cairn-signal'],
    ['cairn-signal.v3, cairn-signal, TOKEN', 'cairn-signal'],
  ])('lets in a browser that offers %s, and selects %s', async (list, selected) => {
    const answer = await RawConnection.open(running.port);
    const offer = list.replace('TOKEN', protocol('s3cret-Token'));
    answer.write(request('GET / HTTP/1.1', [...HANDSHAKE, `Sec-WebSocket-Protocol: ${offer}`]));
    await answer.heard('\r\n\r\n');
    answer.socket.destroy();
    expect(answer.answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(/^Sec-WebSocket-Protocol: (.*)\r$/m.exec(answer.answer)?.[1]).toBe(selected);
    expect(answer.answer).not.toContain('bearer.');
  });

  it.each([
    ['TOKEN', 401],
    ['cairn-signal.V2, TOKEN', 401],
    ['Cairn-Signal, TOKEN', 401],
    ['cairn-signal.v2, TOKEN, TOKEN', 401],
    ['cairn-signal.v2, cairn-signal.v2, TOKEN', 400],
    ['cairn-signal.v2, TOKEN, bearer.eA', 401],
  ])('lets in nobody who offers %s', async (list, status) => {
    const offer = list.replaceAll('TOKEN', protocol('s3cret-Token'));
    const head = request('GET / HTTP/1.1', [...HANDSHAKE, `Sec-WebSocket-Protocol: ${offer}`]);
    expect((await exchange(running.port, head)).split(' ')[1]).toBe(String(status));
  });

  it.each(['=', '=='])('lets in a peer whose token is base64url with the padding %s', async (padding) => {
    const token = padding === '=' ? 'padded-token12' : 'padded-token1';
    const answer = await RawConnection.open(running.port);
    answer.write(
      request('GET / HTTP/1.1', [...HANDSHAKE, `Sec-WebSocket-Protocol: ${protocol(token)}${padding}, cairn-signal`]),
    );
    await answer.heard('\r\n\r\n');
    answer.socket.destroy();
    expect(answer.answer).toMatch(/^HTTP\/1\.1 101 /);
  });

  const MISSING = 'Authorization: Bearer';
  const WRONG = 'This server does not know this token.';

  it.each([
    ['no token', {}, undefined, MISSING],
    ['a wrong token', { authorization: 'Bearer s3cret-Tokem' }, undefined, WRONG],
    ['a prefix of the token', { authorization: 'Bearer s3cret-Toke' }, undefined, WRONG],
    ['the token and more', { authorization: 'Bearer s3cret-Tokens' }, undefined, WRONG],
    ['another scheme', { authorization: 'Basic s3cret-Token' }, undefined, MISSING],
    ['the token without a scheme', { authorization: 's3cret-Token' }, undefined, MISSING],
    ['a commented-out line of the file', { authorization: 'Bearer # the old one' }, undefined, WRONG],
    ['a wrong token by subprotocol', {}, ['cairn-signal', protocol('wrong')], WRONG],
    ['two tokens by subprotocol', {}, ['cairn-signal', protocol('s3cret-Token'), protocol('wrong')], MISSING],
    [
      'a wrong header next to a correct subprotocol',
      { authorization: 'Bearer wrong' },
      ['cairn-signal', protocol('s3cret-Token')],
      WRONG,
    ],
  ])('401 with the reason to %s', async (_what, headers: Record<string, string>, protocols, why) => {
    const refused = await Peer.refused(running.url, { headers, ...(protocols && { protocols }) });
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    expect(refused.body).toContain(why);
  });

  it('401 to a token in the URL, and the text says what to use instead', async () => {
    const refused = await Peer.refused(`${running.url}/?token=s3cret-Token&access_token=s3cret-Token`);
    expect(refused.status).toBe(401);
    expect(refused.body).toMatch(/Sec|subprotocol/);
    expect(refused.body).toContain('A token in the URL is ignored.');
    expect(refused.body).not.toContain('s3cret');
  });

  it('refuses before a WebSocket exists', async () => {
    const { connections } = running;
    const before = connections.size;
    await Peer.refused(running.url);
    // Peers of other tests may leave meanwhile.
    expect(connections.size).toBeLessThanOrEqual(before);
  });

  it('health and the front page need no token', async () => {
    for (const path of ['/', '/health', '/health/live', '/health/ready']) {
      expect((await fetch(running.http + path)).status).toBe(200);
    }
  });
});

describe('requests that do not become a WebSocket', () => {
  let running: RunningServer;

  beforeAll(async () => {
    running = await startServer({ handshakeTimeout: '300ms' });
  });
  afterAll(stopServers);

  it.each([
    ['lost its Connection header', without('Connection')],
    ['lost its Upgrade header', without('Upgrade')],
    ['lost both', without('Upgrade').filter((header) => !header.startsWith('Connection'))],
    ['has no key', without('Sec-WebSocket-Key')],
  ])('426 in JSON to GET / with a handshake that %s', async (_what, headers) => {
    const answer = await exchange(
      running.port,
      request('GET / HTTP/1.1', [...headers.filter((header) => !header.startsWith('Connection')), 'Connection: close']),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/);
    expect(answer.toLowerCase()).toContain('\r\nupgrade: websocket\r\n');
    expect(JSON.parse(answer.split('\r\n\r\n')[1])).toMatchObject({
      status: 426,
      error: 'Upgrade Required',
      message: expect.stringMatching(
        headers.some((header) => header.includes('Key')) ? /proxy_http_version 1\.1/ : /Key/,
      ),
    });
  });

  it('426 to GET / with Upgrade and Connection but no key', async () => {
    expect(await exchange(running.port, request('GET / HTTP/1.1', without('Sec-WebSocket-Key')))).toMatch(
      /^HTTP\/1\.1 426 /,
    );
  });

  it.each(['AAAA', 'AAAAAAAAAAAAAAAAAAAAAAA=', ''])('400 to the key "%s"', async (key) => {
    const answer = await exchange(
      running.port,
      request('GET / HTTP/1.1', [...without('Sec-WebSocket-Key'), `Sec-WebSocket-Key: ${key}`]),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('400 to another WebSocket version, with the right one in the answer', async () => {
    const answer = await exchange(
      running.port,
      request('GET / HTTP/1.1', [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 12']),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('Sec-WebSocket-Version: 13');
  });

  it('405 to an upgrade with another method', async () => {
    const answer = await exchange(running.port, request('POST / HTTP/1.1', [...HANDSHAKE, 'Content-Length: 0']));
    expect(answer).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\n/);
    expect(answer).toContain('Allow: GET');
  });

  it.each(['/', '/health/live'])(
    'an offer of another protocol (h2c) on %s is ignored and the request answered',
    async (path) => {
      const answer = await exchange(
        running.port,
        request(`GET ${path} HTTP/1.1`, [
          'Host: localhost',
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAAQAAP__',
        ]),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    },
  );

  it.each([
    ['GET', '/nothing'],
    ['GET', '/metrics'],
    ['POST', '/'],
    ['DELETE', '/health'],
    ['GET', '/health/other'],
  ])('404 in JSON to %s %s', async (method, path) => {
    const response = await fetch(running.http + path, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ status: 404, error: 'Not Found' });
  });

  it('an answer never repeats the URL', async () => {
    const response = await fetch(`${running.http}/secret-path?token=secret-token`);
    expect(await response.text()).not.toContain('secret');
  });

  it('404 in JSON, rather than 500, to a URL that cannot be decoded', async () => {
    const answer = await exchange(
      running.port,
      request('GET /%E0%A4%A HTTP/1.1', ['Host: localhost', 'Connection: close']),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1])).toMatchObject({ status: 404 });
    expect(running.log.filter((line) => line.level === 'error')).toEqual([]);
  });

  it.each(['h2c', 'websocket'])(
    'an upgrade to %s that is pipelined after a request waits for its answer',
    async (protocol) => {
      const first = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';
      const answer = await exchange(
        running.port,
        first + first + request('GET / HTTP/1.1', ['Host: localhost', 'Connection: Upgrade', `Upgrade: ${protocol}`]),
      );
      expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([
        'HTTP/1.1 200',
        'HTTP/1.1 200',
        protocol === 'h2c' ? 'HTTP/1.1 200' : 'HTTP/1.1 426',
      ]);
    },
  );

  it('a WebSocket that is pipelined after requests begins after their answers', async () => {
    const connection = await RawConnection.open(running.port);
    const first = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const ping = clientFrame(0x89, 'hi');
    connection.write(Buffer.concat([Buffer.from(first.repeat(3) + request('GET / HTTP/1.1', HANDSHAKE)), ping]));
    await connection.heard('\x8a\x02hi');
    connection.socket.destroy();
    expect(connection.answer.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 101',
    ]);
  });

  it.each([
    ['GET http://localhost/health/live HTTP/1.1', 200],
    ['GET http://h:secretport/?token=secret HTTP/1.1', 404],
    ['GET http:// HTTP/1.1', 404],
    [`GET http://${'a'.repeat(300)}/health/live HTTP/1.1`, 200],
    [`GET http://${'a'.repeat(301)}/health/live HTTP/1.1`, 404],
    [`GET http://${'%E4%B8%80'.repeat(1700)}/health/live HTTP/1.1`, 404],
    ['GET http://[::1/health HTTP/1.1', 404],
  ])('%s is answered %d in JSON', async (line, status) => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    const answer = await exchange(running.port, request(line, ['Host: localhost', 'Connection: close']));
    process.off('warning', note);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.split('\r\n\r\n')[1])).toBeDefined();
    expect(answer + String(warnings)).not.toContain('secret');
  });

  it('405 to CONNECT', async () => {
    expect(await exchange(running.port, 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 405 /,
    );
  });

  it.each([
    ['HTTP/1.0', 'GET / HTTP/1.0', HANDSHAKE],
    ['version 8', 'GET / HTTP/1.1', [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 8']],
    ['version 013', 'GET / HTTP/1.1', [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 013']],
    ['a body', 'GET / HTTP/1.1', [...HANDSHAKE, 'Content-Length: 5']],
    ['a chunked body', 'GET / HTTP/1.1', [...HANDSHAKE, 'Transfer-Encoding: chunked']],
  ])('400 to a handshake with %s', async (_what, line, headers) => {
    expect(await exchange(running.port, request(line, headers))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    ['Upgrade: websocket, foo'],
    ['Upgrade: foo/1, WebSocket'],
    ['Upgrade:\tfoo\t,\twebsocket\t'],
    ['Upgrade: ,websocket,'],
    ['Upgrade: h2c\r\nUpgrade: websocket'],
    ['Connection: keep-alive, Upgrade'],
    ['Connection: keep-alive\t,\tUPGRADE'],
    ['Connection: ,Upgrade,'],
    ['Connection: keep-alive\r\nConnection: Upgrade'],
    ['Host: '],
    ['Host: [::1]:80'],
    ['Host: a_name.example:'],
    ['Content-Length: 0'],
    ['Sec-WebSocket-Version:\t13\t'],
    ['Sec-WebSocket-Extensions: ,'],
    ['Expect: 100-continue'],
  ])('101 to a handshake with %j, as RFC 9110 and RFC 9112 have lists and white space read', async (header) => {
    const connection = await RawConnection.open(running.port);
    connection.write(request('GET / HTTP/1.1', [...without(header.split(':')[0]), header]));
    await connection.heard('\r\n\r\n');
    connection.socket.destroy();
    expect(connection.answer).toMatch(/^HTTP\/1\.1 101 /);
  });

  it.each([
    ['cairn-signal,', true],
    [',cairn-signal', true],
    ['cairn-signal,,foo', true],
    ['foo ,\t, cairn-signal\t', true],
    ['foo\r\nSec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol: cairn-signal', true],
    ['bearer.YQ==, cairn-signal', true],
    [' , ', false],
    ['', false],
    ['foo,', false],
    ['CAIRN-SIGNAL', false],
  ])('101 to the subprotocols %j: empty ones do not count; ours is selected: %p', async (offered, selected) => {
    const connection = await RawConnection.open(running.port);
    connection.write(request('GET / HTTP/1.1', [...HANDSHAKE, `Sec-WebSocket-Protocol: ${offered}`]));
    await connection.heard('\r\n\r\n');
    connection.socket.destroy();
    expect(connection.answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(connection.answer.includes('\r\nSec-WebSocket-Protocol: cairn-signal\r\n')).toBe(selected);
  });

  it.each(['a b', '"cairn-signal"', 'cairn-signal;q=1', 'foo/1', 'foo, foo', 'a=b', '\u00e9'])(
    '400 to the subprotocols %j',
    async (offered) => {
      const answer = await exchange(
        running.port,
        request('GET / HTTP/1.1', [...HANDSHAKE, `Sec-WebSocket-Protocol: ${offered}`]),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    },
  );

  it.each([
    [[]],
    [['Host: localhost', 'Host: localhost']],
    [['Host: a', 'Host: b']],
    [['Host: a b']],
    [['Host: a/b']],
    [['Host: user@a']],
    [['Host: http://a']],
    [['Host: a:80:80']],
    [['Host: a:port']],
    [['Host: [::1']],
    [['Host: ::1']],
    [['Host: \u00e9']],
  ])('400 to a handshake and to a plain request with %j', async (hosts: string[]) => {
    const handshake = await exchange(running.port, request('GET / HTTP/1.1', [...hosts, ...without('Host')]));
    expect(handshake).toMatch(/^HTTP\/1\.1 400 [^]*exactly one Host header/);
    const plain = await exchange(running.port, request('GET /health HTTP/1.1', hosts));
    expect(plain).toMatch(/^HTTP\/1\.1 400 [^]*exactly one Host header/);
  });

  it('an HTTP/1.0 request may have no Host, but not two', async () => {
    expect(await exchange(running.port, request('GET /health HTTP/1.0', []))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await exchange(running.port, request('GET /health HTTP/1.0', ['Host: a', 'Host: b']))).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  it('400 to a handshake over HTTP/1.0, naming what nginx lacks', async () => {
    expect(await exchange(running.port, request('GET / HTTP/1.0', HANDSHAKE))).toContain('proxy_http_version 1.1');
  });

  it('a peer that has already sent a lot more still gets its refusal', async () => {
    const answer = await exchange(
      running.port,
      Buffer.concat([
        Buffer.from(request('GET / HTTP/1.1', [...HANDSHAKE, 'Content-Length: 1000000'])),
        Buffer.alloc(1_000_000),
      ]),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('400 to input that is not HTTP', async () => {
    expect(await exchange(running.port, 'HELO there\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('431 to more than 16 KB of headers', async () => {
    expect(
      await exchange(running.port, request('GET / HTTP/1.1', [...HANDSHAKE, `X: ${'x'.repeat(16 * 1024)}`])),
    ).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('a connection that sends nothing is closed after handshake-timeout', async () => {
    const connection = await RawConnection.open(running.port);
    expect(await connection.ended).toMatch(/^(HTTP\/1\.1 408 [^]*)?$/);
  });

  it('a request that never ends is aborted after handshake-timeout', async () => {
    const connection = await RawConnection.open(running.port);
    connection.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(await connection.ended).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('a WebSocket outlives handshake-timeout', async () => {
    const [peer, silent] = [await Peer.connect(running.url), await RawConnection.open(running.port)];
    await silent.ended;
    await peer.sync();
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });

  it('the first messages may come in the same packet as the handshake', async () => {
    const connection = await RawConnection.open(running.port);
    const ping = clientFrame(0x89, 'hi');
    connection.write(Buffer.concat([Buffer.from(request('GET / HTTP/1.1', HANDSHAKE)), ping]));
    await connection.heard('\x8a\x02hi');
    connection.socket.destroy();
    expect(connection.answer).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\n\x8a\x02hi$/);
  });
});
