import { describe, expect, it } from '@jest/globals';
import { loadSettings } from '../../../src/config/load-settings.js';
import { readIceUrl, stunUrls, turnUrls } from '../../../src/config/ice-urls.js';

describe('URLs of ICE servers', () => {
  it.each([
    'stun:example.com',
    'stun:example.com.:3478',
    'stuns:192.0.2.1:5349',
    'stun:[2001:db8::1]:3478',
    'stun:localhost',
    'stun:stun_1.example.com:65535',
  ])('takes %s', (url) => expect(stunUrls.parse(url)).toEqual([url]));

  it.each(['turn:h', 'turns:h:443?transport=tcp', 'turn:h?transport=udp', 'turn:[::1]:1?transport=udp'])(
    'takes %s',
    (url) => expect(turnUrls.parse(url)).toEqual([url]),
  );

  it('reads a list, and gives lower case, as browsers want it', () => {
    expect(turnUrls.parse('TURN:A.example, turns:b:443?transport=TCP')).toEqual([
      'turn:a.example',
      'turns:b:443?transport=tcp',
    ]);
  });

  it.each([
    ['', 'expected URLs'],
    [',', 'expected URLs'],
    ['example.com', 'expected stun:HOST'],
    ['turn:example.com', 'expected stun:HOST'],
    ['http:example.com', 'expected stun:HOST'],
    ['stun://example.com', 'no slashes'],
    ['stun:', 'host name'],
    ['stun::3478', 'host name'],
    ['stun:a..b', 'host name'],
    ['stun:-a', 'host name'],
    ['stun:a b', 'host name'],
    ['stun:192.0.2.256', 'host name'],
    ['stun:1.2.3', 'host name'],
    ['stun:2001:db8::1', 'host name'],
    ['stun:[192.0.2.1]', 'host name'],
    ['stun:[fe80::1%eth0]', 'host name'],
    ['stun:h/path', 'host name'],
    ['stun:h#x', 'host name'],
    [`stun:${'a.'.repeat(127)}`, 'host name'],
    ['stun:h:', 'port'],
    ['stun:h:0', 'port'],
    ['stun:h:65536', 'port'],
    ['stun:h:3478x', 'port'],
    ['stun:h?transport=udp', 'no transport'],
    ['stun:user:pass@h', 'without user and password'],
    [Array(17).fill('stun:h').join(','), 'at most 16'],
  ])('refuses %s', (url, why) => {
    const [issue] = stunUrls.safeParse(url).error!.issues;
    expect(issue.message).toContain(why);
  });

  it.each(['turn:h?transport=sctp', 'turn:h?', 'turn:h?transport=', 'turn:h?x=1', 'turn:h?transport=udp&a=b'])(
    'refuses %s',
    (url) => expect(turnUrls.safeParse(url).error!.issues[0].message).toContain('?transport=udp'),
  );

  it('tells every entry at fault with its setting, and repeats none', () => {
    const flags = new Map([
      ['stun-urls', 'stun:good,stun:bad:0,stun:joe:hunter2@h'],
      ['turn-secret-file', 'secret'],
      ['turn-ttl', '4m'],
    ]);
    const thrown = (() => {
      try {
        loadSettings({ flags, environment: {} });
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    })();
    expect(thrown).toMatch(/--stun-urls.*entry 2: expected a port/);
    expect(thrown).toMatch(/--stun-urls.*entry 3: expected a URL without user/);
    expect(thrown).toMatch(/--turn-ttl/);
    expect(thrown).toMatch(/--turn-secret-file is set but turn-urls is not/);
    expect(thrown).not.toMatch(/hunter2/);
  });
});

describe('a URL of an ICE server, as browsers understand it', () => {
  it.each([
    ['stun:h', 'stun', 'h', 3478, 'udp'],
    ['STUNS:H', 'stuns', 'h', 5349, 'tls'],
    ['turn:[2001:db8::1]:80', 'turn', '2001:db8::1', 80, 'udp'],
    ['turn:h?transport=tcp', 'turn', 'h', 3478, 'tcp'],
    ['turns:h', 'turns', 'h', 5349, 'tls'],
    ['turns:h:443?transport=tcp', 'turns', 'h', 443, 'tls'],
    ['turns:h?transport=udp', 'turns', 'h', 5349, 'dtls'],
  ])('%s', (url, scheme, host, port, transport) => {
    expect(readIceUrl(url)).toEqual({ scheme, host, port, transport });
  });

  it.each(['http:h', 'stun:h?transport=udp', 'turn:a@h', 'turn:', 'turn:h:0', ''])('%j is none', (url) => {
    expect(readIceUrl(url)).toBeUndefined();
  });
});
