import { describe, expect, it } from '@jest/globals';
import { mistakeInToken } from '../../../src/config/token-mistakes.js';
import { load } from '../../support/load.js';

describe('a token that is almost surely not meant', () => {
  it.each([
    ['"tok1"', 'quotes'],
    ["'tok1'", 'quotes'],
    ['"tok1', 'quote'],
    ['tok1"', 'quote'],
    ['TOKEN=tok1', 'NAME=VALUE'],
    ['auth_token=tok1', 'NAME=VALUE'],
    ['CAIRN_SIGNAL_AUTH_TOKEN = tok1', 'NAME=VALUE'],
    ['export TOKEN=tok1', 'shell'],
    ['token: tok1', 'YAML'],
    ['- tok1', 'YAML'],
    ['["tok1"]', 'JSON'],
    ['Bearer tok1', '"Bearer"'],
    ['your-secret-token', 'placeholder'],
    ['YOUR_TOKEN_HERE', 'placeholder'],
    ['changeme', 'placeholder'],
    ['change-me-123', 'placeholder'],
    ['secret', 'placeholder'],
    ['password123', 'placeholder'],
    ['<token>', 'placeholder'],
    ['${AUTH_TOKEN}', 'placeholder'],
    ['$AUTH_TOKEN', 'placeholder'],
    ['{{ token }}', 'placeholder'],
    ['xxxxxxxx', 'placeholder'],
    ['alice:$2y$05$abc', 'hash of a password'],
    ['tok1 # of alice', 'comment'],
    ['tok1\\n', 'two characters'],
    ['tok1,', 'comma'],
    ['alice tok1', 'space'],
    ['-----BEGIN CERTIFICATE-----', 'PEM'],
  ])('%s: %s', (written, mistake) => {
    expect(mistakeInToken(written)).toContain(mistake);
  });

  it.each([
    's3cret',
    'tok1',
    'Zm9vYmFyYmF6cXV4X2Zvb2JhcmJhenF1eA3',
    'YmFyYmF6cXV4cQ==',
    'a.b~c+d/e==',
    '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'a#b',
    'correct-horse-battery-staple',
    '550e8400-e29b-41d4-a716-446655440000',
    'abc=def',
    'file-token-1',
  ])('is not %s', (written) => {
    expect(mistakeInToken(written)).toBeUndefined();
  });
});

describe('a setting that is almost surely not meant', () => {
  it.each([
    ['AUTH_TOKEN', '"hunter2-abc"'],
    ['AUTH_TOKEN', 'your-secret-token'],
    ['METRICS_TOKEN', "'hunter2'"],
    ['JWT_PRINCIPAL_CLAIM', '"hunter2"'],
  ])('is warned about, and not repeated: %s', (name, value) => {
    const { warnings } = load({ environment: { [`CAIRN_SIGNAL_${name}`]: value } });
    expect(warnings).toEqual([expect.stringMatching(`^CAIRN_SIGNAL_${name}: `)]);
    expect(warnings[0]).not.toMatch(/hunter2|your-secret/);
  });

  it('is a fault where it is a path in quotes', () => {
    expect(() => load({ environment: { CAIRN_SIGNAL_AUTH_TOKEN_FILE: '"/run/tokens"' } })).toThrow('remove the quotes');
  });

  it('is not warned about where it is right', () => {
    expect(load({ environment: { CAIRN_SIGNAL_AUTH_TOKEN: 's3cret' } }).warnings).toEqual([]);
  });
});
