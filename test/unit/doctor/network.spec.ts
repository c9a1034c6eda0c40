import { afterEach, describe, expect, it } from '@jest/globals';
import { networkFault } from '../../../src/doctor/network-fault.js';
import { diagnose, verdicts } from '../../support/diagnosis.js';
import { HeldClock } from '../../support/held-clock.js';
import { startHttp, startTcp, startWebSockets, stopOddServers, unusedPort } from '../../support/odd-servers.js';

afterEach(stopOddServers);

const NOT_TRIED = {
  http: 'skipped',
  upgrade: 'skipped',
  auth: 'skipped',
  cbor: 'skipped',
  json: 'skipped',
  v2: 'skipped',
  size: 'skipped',
  browser: 'skipped',
  ice: 'skipped',
  idle: 'skipped',
};

describe('the way to the server', () => {
  it('a name that does not resolve', async () => {
    const findings = await diagnose('wss://signal.invalid');
    expect(verdicts(findings)).toEqual({ dns: 'failed', tcp: 'skipped', tls: 'skipped', ...NOT_TRIED });
    expect(findings.dns.found).toMatch(/^(the name does not exist|no DNS server answers)$/);
    expect(findings.idle.found).toBe('not tried, since dns failed');
  });

  it('the addresses of a name are listed', async () => {
    const { dns } = await diagnose('ws://localhost', { only: ['dns'] });
    expect(dns).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/^\d address(es)? \(IPv4: \d, IPv6: \d\) in .*127\.0\.0\.1/),
      figures: { addresses: expect.arrayContaining(['127.0.0.1']) },
    });
  });

  it('nothing listens', async () => {
    const port = await unusedPort();
    const findings = await diagnose(`ws://127.0.0.1:${port}`);
    expect(verdicts(findings)).toEqual({ dns: 'ok', tcp: 'failed', tls: 'skipped', ...NOT_TRIED });
    expect(findings.tcp).toMatchObject({
      found: `port ${port}: 127.0.0.1 refused: nothing listens there`,
      advice: expect.stringContaining('Start the server'),
      figures: { port, attempts: [{ address: '127.0.0.1', fault: 'refused: nothing listens there' }] },
    });
  });

  it('of several addresses one refuses: a warning that names it', async () => {
    const port = await startTcp(() => undefined);
    const { tcp } = await diagnose(`ws://host.invalid:${port}`, {
      addresses: ['127.0.0.1', '127.0.0.2'],
      only: ['tcp'],
    });
    expect(tcp).toMatchObject({
      verdict: 'warning',
      found: expect.stringMatching(/^port \d+: 127\.0\.0\.1 in .* ms; 127\.0\.0\.2 refused: nothing listens there$/),
      advice: 'Peers that try 127.0.0.2 first lose time or fail: let this address answer too, or take it out of DNS.',
    });
  });

  it('an address without a route from this machine is not a fault of the server', async () => {
    const port = await startTcp(() => undefined);
    // TCP cannot connect to a broadcast address. Linux says ENETUNREACH, as it does for IPv6 without a route.
    const { tcp } = await diagnose(`ws://host.invalid:${port}`, {
      addresses: ['127.0.0.1', '255.255.255.255'],
      only: ['tcp'],
    });
    expect(tcp).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/there is no route to it from here; this machine cannot tell/),
    });
  });

  it.each([
    [['127.0.0.1', '::1'], 'skipped', 'plaintext (ws://), on this machine'],
    [['192.0.2.1'], 'warning', 'plaintext (ws://): everyone on the way can read the topics and the token'],
    [
      ['127.0.0.1', '2001:db8::1'],
      'warning',
      'plaintext (ws://): everyone on the way can read the topics and the token',
    ],
  ])('plaintext to %j', async (addresses, verdict, found) => {
    const { tls } = await diagnose('ws://host.invalid', { addresses, token: 'abc', only: ['tls'] });
    expect(tls).toMatchObject({ verdict, found });
  });

  it('a server that accepts TCP and never answers is given up after the timeout', async () => {
    const clock = new HeldClock();
    const port = await startTcp((socket) => socket.on('data', () => clock.pass(10_000)));
    const findings = await diagnose(`ws://127.0.0.1:${port}`, { clock, timeout: 10_000 });
    expect(verdicts(findings)).toEqual({
      dns: 'ok',
      tcp: 'ok',
      tls: 'skipped',
      ...NOT_TRIED,
      http: 'warning',
      upgrade: 'failed',
    });
    expect([findings.http.found, findings.upgrade.found]).toEqual([
      'no answer to GET /: nothing came within 10 s',
      'no answer to the WebSocket handshake within 10 s',
    ]);
  });

  it('a server that accepts TCP and never answers a TLS handshake is given up after the timeout', async () => {
    const clock = new HeldClock();
    const port = await startTcp((socket) => socket.on('data', () => clock.pass(10_000)));
    const { tls } = await diagnose(`wss://127.0.0.1:${port}`, { clock, timeout: 10_000 });
    expect(tls).toMatchObject({ verdict: 'failed', found: 'no TLS handshake within 10 s' });
  });

  it('a server that hangs up immediately', async () => {
    const port = await startTcp((socket) => socket.on('data', () => socket.end()));
    const { http, upgrade } = await diagnose(`ws://127.0.0.1:${port}`);
    expect(http).toMatchObject({ verdict: 'warning', found: 'no answer to GET /: cut without an answer' });
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: 'cut without an answer',
      advice: expect.stringContaining('wss://'),
    });
  });

  it('a server that does not speak HTTP', async () => {
    const port = await startTcp((socket) => socket.on('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    const { http, upgrade } = await diagnose(`ws://127.0.0.1:${port}`);
    expect(http).toMatchObject({ verdict: 'warning', found: 'no answer to GET /: the answer is not HTTP' });
    expect(upgrade).toMatchObject({ verdict: 'failed', found: 'the answer is not HTTP' });
  });
});

describe('what answers instead of the server', () => {
  it.each([
    [404, 'warning', /That path does not exist/, /strips the Upgrade .* route this path/],
    [502, 'warning', /does not reach the server behind it/, /does not reach the server behind it/],
    [503, 'warning', /does not reach the server behind it/, /max-connections/],
    [500, 'warning', /look at its log/, /Look at the log/],
    [403, 'warning', /login/, /custom guards.*tls-client-ca.* allowed-origins.* forbids it/],
    [426, 'ok', /^$/, /strips the Upgrade/],
    [400, 'ok', /^$/, /HTTP\/1\.1/],
    [405, 'ok', /^$/, /not a WebSocket server/],
    [200, 'ok', /^$/, /for a plain request/],
  ])('a proxy that answers %d to everything', async (status, verdict, plainAdvice, advice) => {
    const port = await startHttp((_request, response) => response.writeHead(status, { Server: 'nginx' }).end('<html>'));
    const { http, upgrade, auth } = await diagnose(`ws://127.0.0.1:${port}`);
    expect(http).toMatchObject({
      verdict,
      found: expect.stringContaining(`GET /: ${status}, from nginx`),
      figures: { status, server: 'nginx' },
    });
    expect(http.advice ?? '').toMatch(plainAdvice);
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: `${status} instead of 101, from nginx`,
      advice: expect.stringMatching(advice),
      figures: { status },
    });
    expect(auth.verdict).toBe('skipped');
  });

  it('a refusal with a time to come back', async () => {
    const port = await startHttp((_request, response) => response.writeHead(429, { 'Retry-After': '7' }).end());
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`);
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: '429 instead of 101 (Retry-After: 7)',
      advice: expect.stringContaining('trusted-proxies'),
      figures: { status: 429, retryAfter: '7' },
    });
  });

  it('a redirect is shown without its query', async () => {
    const port = await startHttp((_request, response) =>
      response.writeHead(301, { Location: 'https://signal.example.com/?token=x' }).end(),
    );
    const { http, upgrade } = await diagnose(`ws://127.0.0.1:${port}`);
    expect(http).toMatchObject({
      verdict: 'warning',
      found: 'GET /: 301, a redirection, to https://signal.example.com/',
    });
    expect(upgrade).toMatchObject({ verdict: 'failed', advice: expect.stringContaining('redirection') });
  });

  it("a login in front of the server is not confused with the server's token", async () => {
    const port = await startHttp((_request, response) =>
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end(),
    );
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, { token: 'abc' });
    expect(upgrade).toMatchObject({ verdict: 'failed', advice: expect.stringContaining('its own login') });
  });

  it('a handshake that a proxy altered', async () => {
    const port = await startTcp((socket) =>
      socket.on('data', () =>
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
        ),
      ),
    );
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, { only: ['dns', 'tcp', 'tls', 'upgrade'] });
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: 'the answer is not a WebSocket handshake: Invalid Sec-WebSocket-Accept header',
    });
  });

  it('control characters and the token are not repeated', async () => {
    const port = await startHttp((request, response) =>
      response.writeHead(502, { Server: `\u009B2J${request.headers.authorization ?? ''}` }).end(),
    );
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, { token: 's3cret-token' });
    expect(upgrade.found).toBe('502 instead of 101, from 2JBearer [token]');
  });

  it('a body that never ends is not waited for', async () => {
    const port = await startHttp((_request, response) => {
      response.writeHead(200);
      response.write('x'.repeat(100_000));
    });
    const { http } = await diagnose(`ws://127.0.0.1:${port}`, { only: ['dns', 'tcp', 'tls', 'http'] });
    expect(http).toMatchObject({
      verdict: 'ok',
      found: expect.stringContaining('does not say that it is cairn-signal'),
    });
  });
});

describe('what a refusal says', () => {
  const CONNECTING = { only: ['dns', 'tcp', 'tls', 'upgrade'] };

  it.each([
    ['a sentence, as this server does', 'text/plain', 'Come back at nine.\n', 'Come back at nine.'],
    [
      'JSON with a message',
      'application/json',
      '{"statusCode":403,"message":"Not \\u001b[2Jon Sundays."}',
      'Not [2Jon Sundays.',
    ],
    [
      'a page with a title',
      'text/html',
      '<html><head><TITLE>400 No required SSL certificate was sent</TITLE>',
      '400 No required SSL certificate was sent',
    ],
    [
      'a page with a title between spaces',
      'text/html',
      `<title>${' '.repeat(5000)}Closed today.${' '.repeat(5000)}</Title>`,
      'Closed today.',
    ],
    [
      'a page whose second title is the first without markup',
      'text/html',
      '<title>a<b></title><title>It is &quot;late&quot;</title><title>Closed.</title>',
      'Closed.',
    ],
    ['at most 300 characters', 'text/plain', 'x'.repeat(301), `${'x'.repeat(300)}...`],
  ])('%s', async (_what, type, body, message) => {
    const port = await startHttp((_request, response) => response.writeHead(403, { 'Content-Type': type }).end(body));
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, CONNECTING);
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: `403 instead of 101: ${message}`,
      figures: { status: 403, message },
    });
  });

  it.each([
    ['empty', {}, ''],
    ['only the status', {}, 'Forbidden'],
    ['only the status, as a page', {}, '<html><title>403 Forbidden</title>'],
    ['a page without a title', {}, '<p>No.'],
    ['a page with a title of 16 KB of spaces', {}, `<title>${' '.repeat(16_000)}</title>`],
    ['a page with a title that never ends', {}, `<title>${' '.repeat(16_000)}x`],
    ['a page of titles that never end', {}, '<title>'.repeat(2300)],
    ['JSON without a message', {}, '{"error":1}'],
    ['invalid JSON', {}, '{"message":"x"'],
    ['compressed', { 'Content-Encoding': 'gzip' }, 'abc'],
  ])('is left out if it is %s', async (_what, headers, body) => {
    const port = await startHttp((_request, response) => response.writeHead(403, headers).end(body));
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, CONNECTING);
    expect([upgrade.found, upgrade.figures]).toEqual(['403 instead of 101', { status: 403 }]);
  });

  it('is left out of an answer that is not a refusal', async () => {
    const port = await startHttp((_request, response) => response.writeHead(200).end('hello'));
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, CONNECTING);
    expect(upgrade.found).toBe('200 instead of 101');
  });

  it('follows the time to come back', async () => {
    const port = await startHttp((_request, response) =>
      response.writeHead(429, { 'Retry-After': '7' }).end('Too many; wait.'),
    );
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, CONNECTING);
    expect([upgrade.found, upgrade.figures]).toEqual([
      '429 instead of 101 (Retry-After: 7): Too many; wait.',
      { status: 429, retryAfter: '7', message: 'Too many; wait.' },
    ]);
  });

  it('that never ends is waited for until the timeout, and the status is shown with what came', async () => {
    const clock = new HeldClock();
    const port = await startHttp((_request, response) => {
      response.writeHead(403);
      response.write('So far');
      void clock.begunToSleep(9_000).then(() => clock.pass(9_000));
      clock.pass(1_000);
    });
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, { ...CONNECTING, clock, timeout: 10_000 });
    expect(upgrade.found).toMatch(/^403 instead of 101(?:: So far)?$/);
  });

  it('that never ends is read in part', async () => {
    const port = await startHttp((_request, response) => {
      response.writeHead(403);
      response.write('x'.repeat(100_000));
    });
    const { upgrade } = await diagnose(`ws://127.0.0.1:${port}`, CONNECTING);
    expect(upgrade.figures?.message).toBe(`${'x'.repeat(300)}...`);
  });

  it.each([
    ['the token', (token: string) => token],
    ['the token as in a subprotocol', (token: string) => Buffer.from(token).toString('base64url')],
  ])('is never %s, complete or truncated', async (_what, spell) => {
    const token = 's3cret-token';
    const spelled = spell(token);
    const bodies = [`no ${spelled}!`, `no${' '.repeat(20_000)}`.slice(0, 16_384 - 5) + spelled + ' '.repeat(20_000)];
    const found = await Promise.all(
      bodies.map(async (body) => {
        const port = await startHttp((_request, response) => response.writeHead(403).end(body));
        return (await diagnose(`ws://127.0.0.1:${port}`, { ...CONNECTING, token })).upgrade.found;
      }),
    );
    expect(found[0]).toBe('403 instead of 101: no [token]!');
    expect(found[1]).toMatch(/^403 instead of 101: no(?: \[token\])?$/);
  });
});

describe('a connection that is closed', () => {
  it.each([
    [1008, 'too many topics; the setting is max-subscriptions', /raise the setting that the reason names/],
    [1011, 'internal error', /look at its log/],
    [1001, 'restart; retry in 3 s', /restarting/],
    [1012, 'restart; retry in 3 s', /restarting/],
    [4001, 'token revoked', /revoked/],
    [4003, 'you may not use one of your topics any more', /topic policy/],
    [4008, 'slow consumer', /too slow/],
    [3000, 'something else', /Look at the log/],
  ])('with %d on its first message: the reason and the advice are told', async (code, reason, advice) => {
    const port = await startWebSockets((socket) => socket.on('message', () => socket.close(code, reason)));
    const { cbor, size } = await diagnose(`ws://127.0.0.1:${port}`, {
      only: ['dns', 'tcp', 'tls', 'upgrade', 'auth', 'cbor', 'size'],
    });
    expect(cbor).toMatchObject({
      verdict: 'failed',
      found: `the connection was closed with ${code}: ${reason}`,
      advice: expect.stringMatching(advice),
      figures: { code },
    });
    expect(size.verdict).toBe('skipped');
  });

  it('without a close frame', async () => {
    const port = await startWebSockets((socket) => socket.on('message', () => socket.terminate()));
    const { cbor } = await diagnose(`ws://127.0.0.1:${port}`, {
      only: ['dns', 'tcp', 'tls', 'upgrade', 'auth', 'cbor'],
    });
    expect(cbor).toMatchObject({ verdict: 'failed', found: 'the connection was cut without a close frame (1006)' });
  });

  it('with a reason that has control characters or repeats the token: neither is shown', async () => {
    const token = 's3cret-token';
    const port = await startWebSockets((socket) =>
      socket.on('message', () => socket.close(1008, `\u001B[31m${token}\n${Buffer.from(token).toString('base64url')}`)),
    );
    const { cbor } = await diagnose(`ws://127.0.0.1:${port}`, { token });
    expect(cbor.found).toBe('the connection was closed with 1008: [31m[token] [token]');
  });
});

describe('a fault of the network, in words', () => {
  it.each([
    ['ETIMEDOUT', '', 'no answer'],
    ['EHOSTUNREACH', '', 'there is no route to it from here'],
    ['EPIPE', '', 'cut without an answer'],
    ['', 'socket hang up', 'cut without an answer'],
    ['EAI_AGAIN', '', 'no DNS server answers'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', '', 'the answer is not TLS'],
    ['EPROTO', 'ssl3_get_record:wrong version number', 'the answer is not TLS'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', '', 'the TLS endpoint asks for a client certificate'],
    [
      'EPROTO',
      'error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required',
      'the TLS endpoint asks for a client certificate',
    ],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', '', 'the client certificate is refused (ERR_SSL_TLSV1_ALERT_UNKNOWN_CA)'],
    [
      'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
      '',
      'the client certificate is refused (ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED)',
    ],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', '', 'no common TLS version'],
    [
      'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
      '',
      'the TLS handshake is refused (ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE)',
    ],
    ['ERR_SSL_DECRYPTION_FAILED', '', 'the TLS handshake failed (ERR_SSL_DECRYPTION_FAILED)'],
    ['', 'something\u001B new', 'something new'],
  ])('%s %s', (code, message, found) => {
    const trouble = networkFault(Object.assign(new Error(message), { code }));
    expect(trouble.found).toBe(found);
    expect(trouble.advice).toMatch(/^[A-Z].{20,}\.$/);
  });
});
