import { describe, expect, it } from '@jest/globals';
import type { ZodType } from 'zod';
import {
  bearerToken,
  count,
  duration,
  filePath,
  hostNames,
  lineTarget,
  listenAddress,
  oneOf,
  onOff,
} from '../../../src/config/values.js';

/** The result of parsing a text with a schema: the value, or the messages of its faults. */
function read(schema: ZodType, written: unknown): unknown {
  const result = schema.safeParse(written);
  return result.success ? result.data : { faults: result.error.issues.map((issue) => issue.message) };
}

function faults(...messages: string[]): unknown {
  return { faults: messages };
}

describe('an address to listen on', () => {
  it.each([
    ['[fe80::1]:443', 'fe80::1', 443],
    ['[FE80::a:b]:0', 'FE80::a:b', 0],
    ['[febf::1]:1', 'febf::1', 1],
  ])('%s is link-local, and needs its interface', (written, host, port) => {
    expect(read(listenAddress, written)).toEqual(
      faults(`a link-local address needs the interface that it belongs to, such as [${host}%eth0]:${port}`),
    );
  });

  it.each(['fe80::1%eth0', 'fec0::1', '2001:db8::1'])('[%s] needs none', (host) => {
    expect(read(listenAddress, `[${host}]:443`)).toEqual({ host, port: 443 });
  });

  it.each([
    ['0.0.0.0:443', '0.0.0.0', 443],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['127.0.0.1:65535', '127.0.0.1', 65_535],
    ['[::]:443', '::', 443],
    ['[2001:db8::1]:8443', '2001:db8::1', 8443],
    ['[::ffff:10.0.0.1]:80', '::ffff:10.0.0.1', 80],
    ['[fe80::1%eth0]:8080', 'fe80::1%eth0', 8080],
    ['localhost:8080', 'localhost', 8080],
    ['signal-1.example.com:8080', 'signal-1.example.com', 8080],
  ])('%s is host %s and port %i', (written, host, port) => {
    expect(read(listenAddress, written)).toEqual({ host, port });
  });

  const EXPECTED =
    'expected an address as HOST:PORT, such as 0.0.0.0:443, [::]:443 or localhost:8080, or as unix:/PATH or unix:/PATH,mode=660';

  it.each([
    '127.0.0.1',
    '127.0.0.1:',
    ':443',
    '443',
    '*:443',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1:123456',
    '127.0.0.1:80a',
    '::1:443',
    '[::1]',
    '[::1]:',
    '[]:443',
    '[localhost]:443',
    'ws://localhost:443',
    'localhost:443/',
    ' localhost:443',
    'localhost:443\n',
    'a b:1',
  ])('%j is not an address', (written) => {
    expect(read(listenAddress, written)).toEqual(faults(EXPECTED));
  });

  it.each(['[1.2.3.4]:443', '[:::]:443', '[1:2]:443'])('%j is not an address: brackets are for IPv6', (written) => {
    expect(read(listenAddress, written)).toEqual(faults(EXPECTED));
  });

  it('is not a number, null or a list, which YAML may give', () => {
    for (const written of [null, ['localhost:443'], {}]) expect(read(listenAddress, written)).toEqual(faults(EXPECTED));
    expect(read(listenAddress, 443)).toEqual(faults(`${EXPECTED}; in YAML, put it in quotes`));
  });

  it('says that it must not be empty', () => {
    expect(read(listenAddress, '')).toEqual(faults(`must not be empty: ${EXPECTED}`));
  });
});

describe('a bearer token', () => {
  it.each(['x', 's3cret', '-starts-with-a-dash', 'a.b~c+d/e==', 'two words', '!', '~'])(
    '%j is taken as written',
    (written) => {
      expect(read(bearerToken, written)).toBe(written);
    },
  );

  it.each([
    ' s3cret',
    's3cret ',
    ' ',
    '\t',
    's3cret\r',
    's3cret\n',
    's3\u0000cret',
    's3\tcret',
    's3\u007fcret',
    'sécret',
    '🔑',
    '\uFEFFs3cret',
  ])('%j is not a token', (written) => {
    expect(read(bearerToken, written)).toEqual(
      faults('expected visible ASCII characters without spaces around them: an HTTP header carries nothing else'),
    );
  });

  it('is one fault when it is empty', () => {
    expect(read(bearerToken, '')).toEqual(
      faults('an empty token would let nobody in; to serve without a token, leave the setting out'),
    );
  });

  it.each([[null], [true], [['s3cret']], [{ token: 's3cret' }]])('%j is not a token', (written) => {
    expect(read(bearerToken, written)).toEqual(faults('expected a token'));
  });
});

describe('a length of time', () => {
  it.each([
    ['0s', 0],
    ['1ms', 1],
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['60m', 3_600_000],
    ['3600000ms', 3_600_000],
  ])('%s is %i ms', (written, value) => {
    expect(read(duration('0s', '1h'), written)).toBe(value);
  });

  const EXPECTED = 'expected a length of time from 100ms to 1h, such as 500ms, 10s, 5m or 1h';

  it.each([
    '99ms',
    '0s',
    '3600001ms',
    '3601s',
    '61m',
    '2h',
    '10',
    '10 s',
    '10S',
    '1.5s',
    '-1s',
    '+1s',
    '1e3s',
    '1d',
    's',
    '',
    '1h30m',
    '9999999999s',
    '10s\n',
    'constructor',
  ])('%j is not from 100ms to 1h', (written) => {
    expect(read(duration('100ms', '1h'), written)).toEqual(faults(EXPECTED));
  });

  it.each([[10], [0], [null], [['10s']]])('%j without a unit is not a length of time', (written) => {
    expect(read(duration('100ms', '1h'), written)).toEqual(faults(EXPECTED));
  });
});

describe('a count', () => {
  it.each([
    [10, 10],
    [20, 20],
    ['10', 10],
    ['20', 20],
    ['0015', 15],
  ])('%j is %i', (written, value) => {
    expect(read(count(10, 20), written)).toBe(value);
  });

  it.each([
    [9],
    [21],
    ['9'],
    ['21'],
    ['-10'],
    ['+10'],
    ['10.0'],
    ['1e1'],
    ['0x10'],
    [' 10'],
    ['10\n'],
    ['1_0'],
    [''],
    ['ten'],
    ['9999999999999999'],
    [10.5],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [null],
    [true],
    [['10']],
  ])('%j is not from 10 to 20', (written) => {
    expect(read(count(10, 20), written)).toEqual(faults('expected a whole number from 10 to 20'));
  });
});

describe('one of a few words', () => {
  it('is read when it is one of them', () => {
    expect(read(oneOf(['json', 'pretty']), 'pretty')).toBe('pretty');
  });

  it.each([['JSON'], [''], ['json '], [null], [['json']]])('%j is none of them', (written) => {
    expect(read(oneOf(['json', 'pretty']), written)).toEqual(faults('expected json or pretty'));
  });
});

describe('the path of a file', () => {
  it('is taken as written', () => {
    expect(read(filePath, '../certs/a b.pem')).toBe('../certs/a b.pem');
  });

  it('is not empty', () => {
    expect(read(filePath, '')).toEqual(faults('must not be empty: expected the path of a file'));
  });
});

describe('a switch', () => {
  it.each([
    ['on', true],
    ['true', true],
    [true, true],
    ['off', false],
    ['false', false],
    [false, false],
  ])('%j is %j', (written, value) => {
    expect(read(onOff, written)).toBe(value);
  });

  it.each([['ON'], ['yes'], ['1'], [1], [null], ['']])('%j is not a switch', (written) => {
    expect(read(onOff, written)).toEqual(faults('expected on or off'));
  });
});

describe('host names', () => {
  it.each([
    ['node-1', ['node-1']],
    ['Ops.Example.COM., node_1', ['ops.example.com', 'node_1']],
    [
      ['a', 'b.c'],
      ['a', 'b.c'],
    ],
  ])('%j are the names without a port, normalized', (written, value) => {
    expect(read(hostNames, written)).toEqual(value);
  });

  it.each([
    '',
    'a,',
    'a:9090',
    'http://a',
    'a/b',
    'a b',
    '*',
    '*.example.com',
    '.a',
    'a..b',
    'a..',
    '[::1]',
    'a@b',
    'l\u00f6cal',
  ])('%j is not a host name', (written) => {
    expect(read(hostNames, written)).toEqual(
      faults('expected host names without port, such as node-1.example.com, separated by commas'),
    );
  });
});

describe('where lines go', () => {
  it.each([
    ['off', undefined],
    ['on', 1],
    [true, 1],
    [false, undefined],
    ['fd:1', 1],
    ['fd:3', 3],
    ['fd:1023', 1023],
  ])('%j is descriptor %j', (written, descriptor) => {
    expect(read(lineTarget, written)).toEqual(descriptor);
  });

  it.each(['fd:0', 'fd:', 'fd:-1', 'fd:3x', '3', 'fd: 3', 'FD:3', '/var/log/audit.jsonl', '', 'yes', 3, null])(
    '%j is none',
    (written) => {
      expect(read(lineTarget, written)).toEqual(
        faults(
          'expected off, on (standard output) or a descriptor such as fd:3; ' +
            'to write a file, have the shell open it: 3>>FILE',
        ),
      );
    },
  );
});
