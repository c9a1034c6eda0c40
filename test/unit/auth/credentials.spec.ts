import { describe, expect, it } from '@jest/globals';
import { presented, presentedToken } from '../../../src/auth/credentials.js';

/** Offers a token as a browser does: `bearer.` and the token in base64url. */
function offered(token: string): string {
  return `bearer.${Buffer.from(token).toString('base64url')}`;
}

describe('the token of an Authorization header (RFC 6750)', () => {
  it.each([
    ['Bearer s3cret', 's3cret'],
    ['bearer s3cret', 's3cret'],
    ['BEARER s3cret', 's3cret'],
    ['Bearer   s3cret', 's3cret'],
    ['Bearer two words', 'two words'],
    ['Bearer Bearer', 'Bearer'],
    ['Bearer a.b~c+d/e==', 'a.b~c+d/e=='],
  ])('%j shows %j', (authorization, token) => {
    expect(presentedToken({ authorization })).toBe(token);
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    's3cret',
    'Bearers3cret',
    'Bearer:s3cret',
    'Bearer\ts3cret',
    'Basic czNjcmV0',
    'Token s3cret',
    'X-Bearer s3cret',
    '"Bearer s3cret"',
  ])('%j shows none', (authorization) => {
    expect(presentedToken({ authorization })).toBeUndefined();
  });

  it('keeps inner spaces and case', () => {
    expect(presentedToken({ authorization: 'Bearer A  b' })).toBe('A  b');
  });
});

describe('the token among the subprotocols (browsers)', () => {
  it.each(['s3cret', '-', 'two words', 'a.b~c+d/e==', '~~~???', 'x'.repeat(4096)])(
    '%j is read from bearer.<base64url>',
    (token) => {
      expect(presentedToken({ 'sec-websocket-protocol': `cairn-signal, ${offered(token)}` })).toBe(token);
    },
  );

  it.each([
    ['without spaces', `cairn-signal,${offered('s3cret')}`],
    ['with more of them', ` cairn-signal ,\t ${offered('s3cret')} `],
    ['before our own', `${offered('s3cret')}, cairn-signal`],
    ['among others', `mqtt, cairn-signal, ${offered('s3cret')}, bearer, bearers.x`],
  ])('is found in a list %s', (_what, list) => {
    expect(presentedToken({ 'sec-websocket-protocol': list })).toBe('s3cret');
  });

  it.each([
    'cairn-signal.v2, TOKEN',
    'TOKEN, cairn-signal.v2',
    'cairn-signal.v2, cairn-signal, TOKEN',
    'cairn-signal, TOKEN, cairn-signal.v2',
    'cairn-signal.v3, cairn-signal.v2, TOKEN',
    'cairn-signal.v2, cairn-signal.v2, TOKEN',
  ])('is found beside either version: %s', (list) => {
    expect(presentedToken({ 'sec-websocket-protocol': list.replace('TOKEN', offered('s3cret')) })).toBe('s3cret');
  });

  it.each([
    'TOKEN',
    'TOKEN, cairn-signal.V2',
    'Cairn-Signal.v2, TOKEN',
    'TOKEN, CAIRN-SIGNAL',
    'cairn-signal.v1, TOKEN',
    'cairn-signal.v22, TOKEN',
    'cairn-signalxv2, TOKEN',
    'cairn-signal.v2.bearer, TOKEN',
    'cairn-signal. v2, TOKEN',
  ])('does not count without one of them: %s', (list) => {
    expect(presented({ 'sec-websocket-protocol': list.replace('TOKEN', offered('s3cret')) })).toEqual({
      mistake:
        'The token is offered as a subprotocol, but neither "cairn-signal" nor "cairn-signal.v2" is offered beside it.',
    });
  });

  it.each([
    ['nothing offered', ''],
    ['our own alone', 'cairn-signal'],
    ['an empty one', 'cairn-signal, bearer.'],
    ['one that decodes to nothing', 'cairn-signal, bearer.A'],
    ['too much padding', 'cairn-signal, bearer.czNjcmV0MQ==='],
    ['padding inside', 'cairn-signal, bearer.czNj=cmV0'],
    ['base64 that is not base64url', 'cairn-signal, bearer.fn5+Pz8/'],
    ['a second dot', 'cairn-signal, bearer.czNj.cmV0'],
    ['another case', `cairn-signal, ${offered('s3cret').replace('bearer', 'Bearer')}`],
    [
      'the way Kubernetes spells it',
      `cairn-signal, base64url.bearer.authorization.k8s.io.${Buffer.from('s3cret').toString('base64url')}`,
    ],
    ['two of them', `cairn-signal, ${offered('s3cret')}, ${offered('other')}`],
    ['the same one twice', `cairn-signal, ${offered('s3cret')}, ${offered('s3cret')}`],
    ['two of them, one beside each version', `cairn-signal, ${offered('a')}, cairn-signal.v2, ${offered('b')}`],
    ['the second version alone', 'cairn-signal.v2'],
  ])('is absent for %s', (_what, list) => {
    expect(presentedToken({ 'sec-websocket-protocol': list })).toBeUndefined();
  });

  it.each([
    ['cairn-signal, bearer.czNjcmV0MQ==', 's3cret1'],
    ['bearer.czNjcmV0MTI= ,cairn-signal', 's3cret12'],
  ])('may be padded: %s', (list, token) => {
    expect(presentedToken({ 'sec-websocket-protocol': list })).toBe(token);
  });

  it('that is not ASCII decodes to characters that no configured token has', () => {
    expect(
      presentedToken({
        'sec-websocket-protocol': `cairn-signal, bearer.${Buffer.from([0xff, 0xfe]).toString('base64url')}`,
      }),
    ).toBe('\uFFFD\uFFFD');
  });
});

describe('a request with several headers', () => {
  it('shows the token of its Authorization header', () => {
    expect(
      presentedToken({ authorization: 'Bearer one', 'sec-websocket-protocol': `cairn-signal, ${offered('two')}` }),
    ).toBe('one');
  });

  it('shows none if the token is in another header', () => {
    expect(
      presentedToken({
        'proxy-authorization': 'Bearer s3cret',
        cookie: 'authorization=s3cret',
        'x-auth-token': 's3cret',
      }),
    ).toBeUndefined();
  });

  it('shows none without headers', () => {
    expect(presentedToken({})).toBeUndefined();
  });
});
