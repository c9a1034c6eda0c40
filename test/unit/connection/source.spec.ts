import { describe, expect, it } from '@jest/globals';
import { sourceOf } from '../../../src/connection/source.js';

describe('J8: a source', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:c000:207', '192.0.2.7'],
    ['::c000:207', '0:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ])('of the address %s is %s', (address, source) => {
    expect(sourceOf(undefined, address)).toBe(source);
  });

  it('is the principal if there is one', () => {
    expect(sourceOf('alice', '192.0.2.7')).toBe('principal alice');
    // A principal cannot pass for an address.
    expect(sourceOf('192.0.2.7', undefined)).not.toBe(sourceOf(undefined, '192.0.2.7'));
  });

  it('is the same for all peers with an unknown address', () => {
    expect(sourceOf(undefined, undefined)).toBe('unknown');
  });
});
