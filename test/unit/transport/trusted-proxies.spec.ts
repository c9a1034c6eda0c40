import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../src/config/load-settings.js';
import { TrustedProxies } from '../../../src/transport/trusted-proxies.js';

/** The address of a peer that came from `remote` with these headers, if `trusted` are trusted about `header`. */
function address(
  trusted: string | undefined,
  remote: string,
  headers: Record<string, string>,
  header = 'x-forwarded-for',
): string {
  return judged(trusted, remote, headers, header).address;
}

/** The same, with what of the headers was not believed. */
function judged(
  trusted: string | undefined,
  remote: string,
  headers: Record<string, string>,
  header = 'x-forwarded-for',
): { address: string; unread: string | undefined } {
  const { trustedProxies = [], forwardedHeader } = parseSettings({ trustedProxies: trusted, forwardedHeader: header });
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: remote });
  const request = Object.assign(new IncomingMessage(socket), { headers });
  const proxies = new TrustedProxies(trustedProxies, forwardedHeader);
  return { address: proxies.addressOf(request), unread: proxies.unread(request) };
}

describe('the address of a peer', () => {
  const forwarded = (value: string): Record<string, string> => ({ 'x-forwarded-for': value });

  it.each([
    ['nobody is trusted', undefined, '10.0.0.1', '1.1.1.1', '10.0.0.1'],
    ['it came directly, whatever it says', '10.0.0.0/8', '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['one proxy', '10.0.0.0/8', '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['one proxy, and what the peer made up', '10.0.0.0/8', '10.0.0.1', '10.0.0.9, 8.8.8.8, 1.1.1.1', '1.1.1.1'],
    ['two proxies', '10.0.0.0/8', '10.0.0.1', '8.8.8.8, 1.1.1.1, 10.0.0.2', '1.1.1.1'],
    ['all hops are trusted: the farthest', '10.0.0.0/8', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['the proxy says nothing', '10.0.0.0/8', '10.0.0.1', '', '10.0.0.1'],
    ['the proxy says something else', '10.0.0.0/8', '10.0.0.1', '1.1.1.1, unknown', '10.0.0.1'],
    ['a port behind it', '10.0.0.0/8', '10.0.0.1', '1.1.1.1:4711', '1.1.1.1'],
    ['IPv6', '10.0.0.0/8', '10.0.0.1', '2001:db8::1', '2001:db8::1'],
    ['IPv6 with a port', '10.0.0.0/8', '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['a proxy that came over a dual-stack socket', '10.0.0.0/8', '::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['a hop written as mapped IPv4', '10.0.0.0/8', '10.0.0.1', '1.1.1.1, ::ffff:10.0.0.2', '1.1.1.1'],
    ['a hop written as mapped IPv4, in hex', '10.0.0.0/8', '10.0.0.1', '1.1.1.1, ::ffff:a00:2', '1.1.1.1'],
    ['an IPv6 proxy', '2001:db8:1::/48', '2001:db8:1::5', '1.1.1.1', '1.1.1.1'],
    ['an IPv6 proxy of another network', '2001:db8:1::/48', '2001:db8:2::5', '1.1.1.1', '2001:db8:2::5'],
  ])('L7: %s', (_what, trusted, remote, header, expected) => {
    expect(address(trusted, remote, forwarded(header))).toBe(expected);
  });

  it('L7: only the configured header is believed', () => {
    const headers = { 'x-forwarded-for': '1.1.1.1', 'x-real-ip': '2.2.2.2', forwarded: 'for=3.3.3.3' };
    expect(address('10.0.0.1', '10.0.0.1', headers, 'X-Real-IP')).toBe('2.2.2.2');
    expect(address('10.0.0.1', '10.0.0.1', headers, 'cf-connecting-ip')).toBe('10.0.0.1');
  });

  it.each([
    ['for=1.1.1.1', '1.1.1.1'],
    ['for=8.8.8.8;proto=https, For="1.1.1.1:4711";by=10.0.0.2', '1.1.1.1'],
    ['by=10.0.0.2; for="[2001:db8::1]:4711"', '2001:db8::1'],
    ['for=1.1.1.1, for=_hidden', '10.0.0.1'],
    ['proto=https', '10.0.0.1'],
    ['for=1.1.1.1;host="a,for=6.6.6.1"', '1.1.1.1'],
    ['host="a;for=6.6.6.2";for=1.1.1.1', '1.1.1.1'],
    ['host="a\\",for=6.6.6.3";for=1.1.1.1', '1.1.1.1'],
    ['for=1.1.1.1;host="a,for=6.6.6.4', '10.0.0.1'],
    ['for=6.6.6.5;for=1.1.1.1', '10.0.0.1'],
    ['for=6.6.6.6;host=a,for=1.1.1.1;by=10.0.0.2, ', '1.1.1.1'],
  ])('L7: RFC 7239, Forwarded: %s', (value, expected) => {
    expect(address('10.0.0.0/8', '10.0.0.1', { forwarded: value }, 'Forwarded')).toBe(expected);
  });
});

describe('what was not believed', () => {
  it.each([
    ['nothing', undefined, '9.9.9.9', {}, undefined],
    ['nothing of a proxy that is trusted', '10.0.0.0/8', '10.0.0.1', { 'x-forwarded-for': '1.1.1.1' }, undefined],
    ['a proxy that nobody named', undefined, '9.9.9.9', { 'x-forwarded-for': '1.1.1.1' }, 'not-trusted'],
    ['one that says it in Forwarded', undefined, '9.9.9.9', { forwarded: 'for=1.1.1.1' }, 'not-trusted'],
    ['one that is not in trusted-proxies', '10.0.0.0/8', '9.9.9.9', { 'x-real-ip': '1.1.1.1' }, 'not-trusted'],
    ['a header that is not forwarded-header', '10.0.0.0/8', '10.0.0.1', { forwarded: 'for=1.1.1.1' }, 'other-header'],
    [
      'a proxy before a trusted one',
      '10.0.0.0/8',
      '10.0.0.1',
      { 'x-forwarded-for': '1.1.1.1, 9.9.9.9' },
      'further-proxy',
    ],
  ] as const)('is %s', (_what, trusted, remote, headers, unread) => {
    expect(judged(trusted, remote, headers).unread).toBe(unread);
  });
});
