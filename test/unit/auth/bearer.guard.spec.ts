import { IncomingMessage } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { describe, expect, it } from '@jest/globals';
import { BearerGuard } from '../../../src/auth/bearer.guard.js';
import { BearerTokens } from '../../../src/auth/bearer-tokens.js';
import { Refusal } from '../../../src/connection/refusal.js';
import { NoVerifier } from '../../../src/auth/token-verifier.js';
import { WrongTokens } from '../../../src/auth/wrong-tokens.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { Logs } from '../../../src/logging/log.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { LimitCounts } from '../../../src/metrics/limit-counts.js';
import { ManualClock } from '../../support/manual-clock.js';

const settings = parseSettings({ maxWrongTokens: 0 });
const wrongTokens = new WrongTokens(
  settings,
  new ManualClock(),
  new LimitCounts(),
  new Logs({ format: 'json', filter: LogFilter.parse('off')! }),
);
const guard = new BearerGuard(new BearerTokens(['s3cret', 'other']), new NoVerifier(), wrongTokens);

/** Returns what Nest passes to a guard at an upgrade with these headers. */
function upgrade(headers: IncomingHttpHeaders, url = '/'): ExecutionContextHost {
  const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url, headers });
  return new ExecutionContextHost([request]);
}

function refusal(headers: IncomingHttpHeaders, url?: string): Refusal {
  try {
    void guard.canActivate(upgrade(headers, url));
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nobody was refused');
}

const OFFERED = `cairn-signal, bearer.${Buffer.from('other').toString('base64url')}`;

const encodedAs = (token: string): string => `cairn-signal, bearer.${Buffer.from(token).toString('base64url')}`;

describe('the guard of the upgrade', () => {
  it.each([
    ['one token in Authorization', { authorization: 'Bearer s3cret' }],
    ['another token in Authorization', { authorization: 'Bearer other' }],
    ['the scheme in lower case (RFC 9110)', { authorization: 'bearer s3cret' }],
    ['a token among the subprotocols', { 'sec-websocket-protocol': OFFERED }],
  ])('lets in a peer that shows %s', (_what, headers) => {
    expect(guard.canActivate(upgrade(headers))).toBe(true);
  });

  it.each([
    ['nothing', {}],
    ['an unknown token', { authorization: 'Bearer s3cre' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['a token under another scheme', { authorization: 'Basic s3cret' }],
    ['the token without a scheme', { authorization: 's3cret' }],
    ['an unknown token among the subprotocols', { 'sec-websocket-protocol': 'cairn-signal, bearer.bm9uZQ' }],
    ['a subprotocol that decodes to nothing', { 'sec-websocket-protocol': 'cairn-signal, bearer.A' }],
    ['a token that is not encoded among the subprotocols', { 'sec-websocket-protocol': 'cairn-signal, bearer.s3cret' }],
    [
      'a wrong token in Authorization and a right one among the subprotocols',
      { authorization: 'Bearer none', 'sec-websocket-protocol': OFFERED },
    ],
  ])('refuses a peer that shows %s, with 401', (_what, headers) => {
    expect(refusal(headers).getStatus()).toBe(401);
  });

  it.each([
    ['authorization', 'Bearer Bearer s3cret', 'token_wrong', 'begins with "Bearer "'],
    ['authorization', 'Bearer bearer.czNjcmV0', 'token_wrong', 'begins with "bearer."'],
    ['authorization', 'Bearer "s3cret"', 'token_wrong', 'quotes'],
    ['authorization', 'Bearer <token>', 'token_wrong', 'placeholder'],
    ['authorization', 'Bearer $TOKEN', 'token_wrong', 'placeholder'],
    ['authorization', 'Bearer alice:sha256:00', 'token_wrong', 'token file of the server'],
    ['authorization', 'Bearer', 'token_missing', 'Nothing follows "Bearer"'],
    ['authorization', 's3cret', 'token_missing', 'does not begin with "Bearer"'],
    ['authorization', 'Basic czNjcmV0', 'token_missing', 'another scheme'],
    ['sec-websocket-protocol', 'cairn-signal, bearer.s3cret', 'token_wrong', 'looks like the token itself'],
    ['sec-websocket-protocol', 'cairn-signal, bearer.a.b.c', 'token_missing', 'looks like the token itself'],
    ['sec-websocket-protocol', 'cairn-signal, bearer.0123456789abcdef', 'token_wrong', 'looks like the token itself'],
    ['sec-websocket-protocol', 'cairn-signal, bearer.fn5+Pz8/', 'token_missing', 'must be base64url'],
    ['sec-websocket-protocol', 'cairn-signal, bearer.', 'token_missing', 'Nothing follows "bearer."'],
    [
      'sec-websocket-protocol',
      'bearer.b3RoZXI',
      'token_missing',
      'neither "cairn-signal" nor "cairn-signal.v2" is offered beside it',
    ],
    ['sec-websocket-protocol', `${OFFERED}, bearer.eA`, 'token_missing', 'Several subprotocols'],
    ['sec-websocket-protocol', 'cairn-signal, Bearer.b3RoZXI', 'token_missing', 'small letters'],
    ['sec-websocket-protocol', encodedAs('other\n'), 'token_wrong', 'line break'],
    ['sec-websocket-protocol', encodedAs('Bearer other'), 'token_wrong', 'begins with "Bearer "'],
  ] as const)('A5: says what is wrong with %s: %s', (header, value, reason, hint) => {
    const refused = refusal({ [header]: value });
    expect([refused.getStatus(), refused.reason]).toEqual([401, reason]);
    expect(refused.message).toContain(hint);
    expect(refused.message).not.toMatch(/s3cret|"other"/);
  });

  it('counts missing tokens apart from wrong ones', () => {
    expect(refusal({}).reason).toBe('token_missing');
    expect(refusal({ authorization: 'Bearer none' }).reason).toBe('token_wrong');
  });

  it.each(['/?token=s3cret', '/?access_token=s3cret', '/s3cret', '/?authorization=Bearer%20s3cret'])(
    'refuses a token in the URL: %s (RFC 9700)',
    (url) => {
      expect(refusal({}, url).getStatus()).toBe(401);
    },
  );

  it('says in its refusal what to send, and repeats nothing of the token', () => {
    expect(refusal({ authorization: 'Bearer wr0ng' }, '/?token=wr0ng').message).toBe(
      'This server does not know this token.',
    );
    const { message } = refusal({}, '/?token=wr0ng');
    expect(message).toBe(
      'This server needs a bearer token. Send "Authorization: Bearer <token>"; from a browser, offer the subprotocols ' +
        '"cairn-signal" and "bearer.<base64url of the token>". A token in the URL is ignored.',
    );
  });

  it.each([
    ['nothing', {}],
    ['any token', { authorization: 'Bearer none' }],
  ])('lets in a peer that shows %s if no token is configured', (_what, headers) => {
    expect(new BearerGuard(new BearerTokens([]), new NoVerifier(), wrongTokens).canActivate(upgrade(headers))).toBe(
      true,
    );
  });
});
