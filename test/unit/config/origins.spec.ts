import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../src/config/load-settings.js';
import { originMatcher } from '../../../src/config/origins.js';
import { faultsOf } from '../../support/load.js';

const read = (allowedOrigins: string): readonly string[] => parseSettings({ allowedOrigins }).allowedOrigins!;

describe('allowed-origins', () => {
  it.each([
    ['https://*.example.com', 'https://*.example.com'],
    ['https://*.Example.com:443', 'https://*.example.com'],
    ['http://*.example.com:8080', 'http://*.example.com:8080'],
    ['https://*.localhost', 'https://*.localhost'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['https://x.example', 'https://x.example'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['HTTPS://APP.EXAMPLE', 'https://app.example'],
  ])('takes %s as %s', (written, origin) => {
    expect(read(written)).toEqual([origin]);
  });

  it.each([
    ['https://app.example.com/', 'write https://app.example.com'],
    ['https://app.example.com/path?secret=s3cret', 'write https://app.example.com'],
    ['https://*.example.com/', 'write https://*.example.com'],
    ['https://app.example.com?s3cret', 'write https://app.example.com'],
    ['https://app.example.com#s3cret', 'write https://app.example.com'],
    ['app.example.com', 'write https://app.example.com'],
    ['app.example.com:8443/', 'write https://app.example.com:8443'],
    ['*.example.com', 'write https://*.example.com'],
    ['localhost', 'write https://localhost'],
    ['wss://app.example.com', 'write https://app.example.com'],
    ['ws://localhost:8080', 'write http://localhost:8080'],
    ['*', 'leave the setting out'],
    ['NULL', 'write null'],
    ['"https://app.example.com"', 'remove the quotes'],
    ['https://*', 'a wildcard stands for the whole first label'],
    ['https://*.com', 'a wildcard stands for the whole first label'],
    ['https://app.*.com', 'a wildcard stands for the whole first label'],
    ['https://*.*.example.com', 'a wildcard stands for the whole first label'],
    ['https://app-*.example.com', 'a wildcard stands for the whole first label'],
    ['https://*.example.com:*', 'a wildcard stands for the whole first label'],
    ['chrome-extension://abcdef', 'all others may connect'],
    ['file://', 'all others may connect'],
    ['https://s3cret@app.example.com', 'expected an origin'],
    ['https://app.example.com:99999', 'expected an origin'],
    ['https://', 'expected an origin'],
  ])('has a fault for %s, which can never match: %s', (written, fault) => {
    const [only, ...others] = faultsOf(() => parseSettings({ allowedOrigins: written }));
    expect(others).toEqual([]);
    expect(only).toContain(fault);
    expect(only).not.toContain('s3cret');
  });

  it('names the entry', () => {
    expect(faultsOf(() => parseSettings({ allowedOrigins: ['https://a.example', 'https://b.example/'] }))[0]).toContain(
      'entry 2: an origin has no path, query or slash behind the host: write https://b.example',
    );
  });
});

describe('L8: a wildcard', () => {
  const matches = originMatcher([
    'https://*.example.com',
    'http://*.test.example:8080',
    'https://app.example.net',
    'null',
  ]);

  it.each([
    'https://app.example.com',
    'https://APP.example.com',
    'https://a-1_b.example.com',
    'http://b.test.example:8080',
    'https://app.example.net',
    'null',
  ])('lets %s in', (origin) => {
    expect(matches(origin)).toBe(true);
  });

  it.each([
    'https://example.com',
    'https://.example.com',
    'https://a.b.example.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'https://evil.example/.example.com',
    'https://evil#.example.com',
    'https://evil@a.example.com',
    'https://*.example.com',
    'https://appexample.com',
    'http://b.test.example',
    'https://other.example.net',
    'https://',
    '',
  ])('does not let %j in', (origin) => {
    expect(matches(origin)).toBe(false);
  });
});
