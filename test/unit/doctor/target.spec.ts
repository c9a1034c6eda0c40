import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../../../src/config/faults.js';
import { isAddress, readTarget } from '../../../src/doctor/target.js';

function faultsOf(written: string): readonly string[] {
  try {
    readTarget(written);
  } catch (error) {
    return (error as ConfigurationError).faults;
  }
  return [];
}

describe('the URL of a server', () => {
  it.each([
    ['wss://signal.example.com', 'wss://signal.example.com/', true, 'signal.example.com', 443],
    ['https://signal.example.com', 'wss://signal.example.com/', true, 'signal.example.com', 443],
    ['signal.example.com', 'wss://signal.example.com/', true, 'signal.example.com', 443],
    ['SIGNAL.example.com:8443', 'wss://signal.example.com:8443/', true, 'signal.example.com', 8443],
    ['signal.example.com/signal', 'wss://signal.example.com/signal', true, 'signal.example.com', 443],
    ['localhost:8080', 'wss://localhost:8080/', true, 'localhost', 8080],
    ['ws://127.0.0.1:8080', 'ws://127.0.0.1:8080/', false, '127.0.0.1', 8080],
    ['WS://localhost', 'ws://localhost/', false, 'localhost', 80],
    ['http://localhost:80/a/b', 'ws://localhost/a/b', false, 'localhost', 80],
    ['http://localhost:443', 'ws://localhost:443/', false, 'localhost', 443],
    ['https://localhost:80', 'wss://localhost:80/', true, 'localhost', 80],
    ['[::1]:8080', 'wss://[::1]:8080/', true, '::1', 8080],
    ['ws://[2001:db8::1]', 'ws://[2001:db8::1]/', false, '2001:db8::1', 80],
  ])('%s is understood', (written, url, secure, host, port) => {
    expect(readTarget(written)).toMatchObject({ url, secure, host, port });
  });

  it.each([
    ['ws://[fe80::1%25eth0]:8080/a', 'ws://[fe80::1]:8080/a', 'fe80::1%eth0', 8080],
    ['[fe80::1%eth0]', 'wss://[fe80::1]/', 'fe80::1%eth0', 443],
    ['[fe80::1%2510]', 'wss://[fe80::1]/', 'fe80::1%10', 443],
    ['[fe80::1%25eth0.100]', 'wss://[fe80::1]/', 'fe80::1%eth0.100', 443],
  ])('%s is understood, and its zone is only for this machine', (written, url, host, port) => {
    expect(readTarget(written)).toMatchObject({ url, host, port });
    expect(isAddress(readTarget(written))).toBe(true);
  });

  it.each(['[fe80::1%]', '[fe80::1%25]', '[fe80::1%25a b]', 'host%25eth0', '[%25eth0]'])('%s is none', (written) => {
    expect(faultsOf(written)).not.toEqual([]);
  });

  it('is told apart by addresses and names', () => {
    expect(['ws://127.0.0.1', 'ws://[::1]', 'ws://localhost'].map((url) => isAddress(readTarget(url)))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each([
    '',
    ' ',
    'wss://',
    'ftp://host',
    'nats://host',
    'wss://host:0',
    'wss://host:99999',
    ' wss://host',
    'wss://a b',
    'wss:host',
    '://host',
  ])('%j is not a URL', (written) => {
    expect(faultsOf(written)).toEqual([
      expect.stringMatching(/^expected the URL of a signaling server, such as wss:\/\/signal\.example\.com/),
    ]);
  });

  it.each([
    ['in a query', 'wss://host/?token=s3cret', ['a query']],
    ['as a user', 'wss://s3cret@host', ['a user or password']],
    ['as a password', 'https://me:s3cret@host', ['a user or password']],
    ['in a fragment', 'wss://host/#s3cret', ['a fragment']],
    [
      'everywhere',
      'host://s3cret:s3cret@host?s3cret#s3cret',
      ['expected', 'a user or password', 'a query', 'a fragment'],
    ],
  ])('a token %s is a fault that says why, and does not repeat it', (_where, written, parts) => {
    const faults = faultsOf(written);
    expect(faults).toEqual(parts.map((part) => expect.stringContaining(part)));
    expect(faults.join('\n')).not.toContain('s3cret');
  });
});
