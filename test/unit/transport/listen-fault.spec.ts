import { describe, expect, it } from '@jest/globals';
import { listenFault } from '../../../src/transport/listen-fault.js';

describe('an address that the server cannot listen on', () => {
  const fault = (code: string, host = '0.0.0.0', port = 443): string =>
    listenFault(Object.assign(new Error(`listen ${code}`), { code }), { host, port }, 'listen-addr');

  it.each([
    [
      'EACCES',
      'cannot listen on 0.0.0.0:443: no permission; ports below 1024 need a privilege: try --listen-addr 0.0.0.0:8080',
    ],
    [
      'EADDRINUSE',
      'cannot listen on 0.0.0.0:443: the port is in use; stop the program that uses it, or choose another port: --listen-addr 0.0.0.0:8080',
    ],
    [
      'EADDRNOTAVAIL',
      'cannot listen on 0.0.0.0:443: this machine does not have that address; --listen-addr 0.0.0.0:443 listens on every address',
    ],
    [
      'ENOTFOUND',
      'cannot listen on 0.0.0.0:443: the name does not resolve; give an address, such as --listen-addr 0.0.0.0:443',
    ],
    ['EMFILE', 'cannot listen on 0.0.0.0:443: listen EMFILE'],
  ])('%s says what to do, in one line', (code, line) => {
    expect(fault(code)).toBe(line);
  });

  it('EINVAL says what is wrong with the address', () => {
    expect(fault('EINVAL', 'fe80::1%eth7')).toBe(
      'cannot listen on [fe80::1%eth7]:443: this machine has no interface "eth7"',
    );
    expect(fault('EINVAL', 'ff02::1')).toBe(
      'cannot listen on [ff02::1]:443: this machine cannot listen on such an address; --listen-addr 0.0.0.0:443 listens on every address',
    );
  });

  it('EACCES keeps the address', () => {
    expect(fault('EACCES', '127.0.0.1', 443)).toContain('privilege: try --listen-addr 127.0.0.1:8080');
  });

  it('EADDRINUSE keeps the address and does not suggest the port that was just refused', () => {
    expect(fault('EADDRINUSE', '127.0.0.1', 8080)).toContain('another port: --listen-addr 127.0.0.1:8081');
    expect(fault('EADDRINUSE', '::1', 443)).toContain('another port: --listen-addr [::1]:8080');
  });

  it.each([
    [
      'EADDRINUSE',
      'cannot listen on 0.0.0.0:9090: the port is in use; stop the program that uses it, or choose another port: --management-addr 0.0.0.0:9091',
    ],
    [
      'EACCES',
      'cannot listen on 0.0.0.0:9090: no permission; ports below 1024 need a privilege: try --management-addr 0.0.0.0:9090',
    ],
    [
      'EADDRNOTAVAIL',
      'cannot listen on 0.0.0.0:9090: this machine does not have that address; --management-addr 127.0.0.1:9090 exists on every machine',
    ],
  ])('%s of the management address keeps the address, or suggests one that no stranger reaches', (code, line) => {
    expect(
      listenFault(Object.assign(new Error(code), { code }), { host: '0.0.0.0', port: 9090 }, 'management-addr'),
    ).toBe(line);
  });

  it('writes an IPv6 address in brackets', () => {
    expect(fault('EACCES', '::')).toMatch(/^cannot listen on \[::\]:443: /);
  });
});
