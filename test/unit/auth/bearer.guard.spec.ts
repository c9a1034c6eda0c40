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
