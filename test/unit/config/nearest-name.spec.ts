import { describe, expect, it } from '@jest/globals';
import { nearestName, suggestion } from '../../../src/config/nearest-name.js';

const NAMES = ['listenAddr', 'tlsCert', 'tlsKey', 'authToken', 'authTokenFile', 'drainTimeout'];

describe('the nearest name', () => {
  it.each([
    ['a letter too many', 'listenAddrr', 'listenAddr'],
    ['a letter missing', 'listnAddr', 'listenAddr'],
    ['a wrong letter', 'listenAdde', 'listenAddr'],
    ['two letters swapped', 'lsitenAddr', 'listenAddr'],
    ['another case', 'LISTENADDR', 'listenAddr'],
    ['the spelling of a flag', 'listen-addr', 'listenAddr'],
    ['the spelling of a variable', 'auth_token', 'authToken'],
    ['a name that another one begins with', 'authTokenFil', 'authTokenFile'],
    ['the name itself', 'tlsKey', 'tlsKey'],
  ])('is found for %s', (_what, written, name) => {
    expect(nearestName(written, NAMES)).toBe(name);
  });

  it('is at most two edits away from a short word', () => {
    expect(nearestName('abcdXY', ['abcdef'])).toBe('abcdef');
    expect(nearestName('abcXYZ', ['abcdef'])).toBeUndefined();
  });

  it('is at most a third of its letters away from a longer word', () => {
    expect(nearestName('abcdefghXYZW', ['abcdefghijkl'])).toBe('abcdefghijkl');
    expect(nearestName('abcdefgVXYZW', ['abcdefghijkl'])).toBeUndefined();
  });

  it('is the first of several that are equally near', () => {
    expect(nearestName('tlsXey', ['tlsKey', 'tlsHey'])).toBe('tlsKey');
  });

  it.each(['port', 'constructor', '__proto__', 'x'.repeat(1000)])('is nothing for %s', (written) => {
    expect(nearestName(written, NAMES)).toBeUndefined();
  });

  it('is nothing if there are no names', () => {
    expect(nearestName('tlsKey', [])).toBeUndefined();
  });
});

describe('a suggestion', () => {
  it('asks whether the nearest name was meant', () => {
    expect(suggestion('tlsKy', NAMES)).toBe(' (did you mean tlsKey?)');
  });

  it('is empty when no name is near', () => {
    expect(suggestion('port', NAMES)).toBe('');
  });
});
