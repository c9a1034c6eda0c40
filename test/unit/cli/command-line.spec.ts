import { describe, expect, it } from '@jest/globals';
import { COMMANDS, parseCommandLine } from '../../../src/cli/command-line.js';
import { flagOf } from '../../../src/config/setting-names.js';
import { settingNames } from '../../../src/config/settings.js';

/** The command line as it would be typed, one word each; flags as an object. */
function parse(...argv: string[]) {
  const { flags, ...line } = parseCommandLine(argv);
  return { ...line, flags: Object.fromEntries(flags) };
}

const NOTHING = { command: 'serve', help: false, version: false, flags: {}, operands: [], faults: [] };
/** Commands that take settings, and nothing else. */
const OF_SETTINGS = COMMANDS.filter((command) => command !== 'doctor' && command !== 'disconnect');

describe('a command', () => {
  it('is serve when none is given', () => {
    expect(parse()).toEqual(NOTHING);
  });

  it.each([
    ['before flags', ['disconnect', 'alice', '--log-format', 'json'], ['alice']],
    ['after flags', ['--log-format', 'json', 'disconnect', 'alice'], ['alice']],
    ['among flags', ['disconnect', '--log-format', 'json', 'alice'], ['alice']],
    ['behind --, whatever it is', ['disconnect', '--log-format', 'json', '--', '--help'], ['--help']],
  ])('disconnect takes a principal, %s', (_where, words, operands) => {
    expect(parse(...words)).toEqual({ ...NOTHING, command: 'disconnect', flags: { 'log-format': 'json' }, operands });
  });

  it.each([[[]], [['a', 'b']]])('disconnect takes one principal, not %j', (operands) => {
    expect(parse('disconnect', ...operands).faults).toEqual([
      'disconnect needs one principal: cairn-signal disconnect PRINCIPAL [OPTIONS]',
    ]);
  });

  it.each(OF_SETTINGS)('%s is understood before and after flags', (command) => {
    const expected = { ...NOTHING, command, flags: { 'log-format': 'json' } };
    expect(parse(command, '--log-format', 'json')).toEqual(expected);
    expect(parse('--log-format', 'json', command)).toEqual(expected);
  });

  it('is a fault with the nearest name if it does not exist', () => {
    expect(parse('check-confg')).toEqual({
      ...NOTHING,
      faults: [
        'there is no such command (did you mean check-config?); the commands are serve, check-config, healthcheck, doctor, connections, disconnect, token',
      ],
    });
  });

  it.each(['constructor', '__proto__', '', '-', 'SERVE'])('%j does not exist', (word) => {
    expect(parse(word).faults).toEqual([
      expect.stringMatching(/^(there is no such command.*|-: there is no such flag)$/),
    ]);
  });

  it.each([
    ['start', 'serve'],
    ['run', 'serve'],
    ['Server', 'serve'],
    ['check', 'check-config'],
    ['validate', 'check-config'],
    ['health', 'healthcheck'],
    ['diagnose', 'doctor'],
    ['stop', 'SIGTERM'],
    ['reload', 'SIGHUP'],
    ['8080', '--listen-addr'],
    [':8080', '--listen-addr'],
    ['0.0.0.0:8080', '--listen-addr'],
    ['[::]:8080', '--listen-addr'],
    ['signal.yaml', '--config'],
    ['wss://signal.example.com', 'doctor URL'],
  ])('%j, which does not exist, is told what to write instead', (word, instead) => {
    const [fault, ...others] = parse(word).faults;
    expect(others).toEqual([]);
    expect(fault).toMatch(/^there is no such command: .*; the commands are /);
    expect(fault.split(';')[0]).toContain(instead);
    expect(parse('serve', word).faults).toEqual([expect.stringContaining(`only one command can be given`)]);
  });

  it('takes no arguments: each further word is a fault', () => {
    expect(parse('healthcheck', 'serve', 'now')).toEqual({
      ...NOTHING,
      command: 'healthcheck',
      faults: ['only one command can be given'],
    });
  });
});

describe('a flag', () => {
  it.each(['config', ...settingNames.map(flagOf)])('--%s takes its value after a space or an equals sign', (flag) => {
    expect(parse(`--${flag}`, 'value')).toEqual({ ...NOTHING, flags: { [flag]: 'value' } });
    expect(parse(`--${flag}=value`)).toEqual({ ...NOTHING, flags: { [flag]: 'value' } });
  });

  it.each([
    ['an equals sign', '--auth-token=a=b==', 'a=b=='],
    ['a dash at its start', '--auth-token=-s3cret', '-s3cret'],
    ['two dashes at its start', '--auth-token=--s3cret', '--s3cret'],
    ['spaces', '--auth-token= a b ', ' a b '],
    ['nothing', '--auth-token=', ''],
  ])('keeps a value with %s after an equals sign', (_what, word, value) => {
    expect(parse(word)).toEqual({ ...NOTHING, flags: { 'auth-token': value } });
  });

  it('keeps an empty value after a space, so that an empty token is noticed', () => {
    expect(parse('--auth-token', '')).toEqual({ ...NOTHING, flags: { 'auth-token': '' } });
  });

  it.each([
    ['at the end', ['--listen-addr']],
    ['before a word that begins with a dash', ['--listen-addr', '-1']],
    ['before the end of flags', ['--listen-addr', '--']],
  ])('without a value %s is a fault', (_where, argv) => {
    expect(parse(...argv)).toEqual({
      ...NOTHING,
      faults: ['--listen-addr: needs a value; write one that begins with a dash as --listen-addr=VALUE'],
    });
  });

  it('without a value before another flag is one fault, and the other flag is understood', () => {
    expect(parse('--listen-addr', '--tls-cert', '/c')).toEqual({
      ...NOTHING,
      flags: { 'tls-cert': '/c' },
      faults: ['--listen-addr: needs a value; write one that begins with a dash as --listen-addr=VALUE'],
    });
  });

  it('of a setting that takes several values may be repeated', () => {
    const { flags, faults } = parse('--trusted-proxies', '10.0.0.0/8', '--trusted-proxies=::1');
    expect([flags, faults]).toEqual([{ 'trusted-proxies': '10.0.0.0/8,::1' }, []]);
  });

  it('is a fault if it is given more than once, whatever its value', () => {
    expect(parse('--log-format', 'json', '--log-format=json').faults).toEqual(['--log-format: given more than once']);
  });

  it.each([
    [['--listen-adr', '0.0.0.0:80'], '--listen-adr: there is no such flag (did you mean --listen-addr?)'],
    [['--listen-adr=0.0.0.0:80'], '--listen-adr: there is no such flag (did you mean --listen-addr?)'],
    [['--LISTEN-ADDR', '0.0.0.0:80'], '--LISTEN-ADDR: there is no such flag (did you mean --listen-addr?)'],
    [['--listenAddr=0.0.0.0:80'], '--listenAddr: there is no such flag (did you mean --listen-addr?)'],
    [['--bogus'], '--bogus: there is no such flag'],
    [
      ['--port', '8080'],
      '--port: there is no such flag: write --listen-addr HOST:PORT, such as --listen-addr 0.0.0.0:8080',
    ],
    [
      ['--port=8080'],
      '--port: there is no such flag: write --listen-addr HOST:PORT, such as --listen-addr 0.0.0.0:8080',
    ],
    [
      ['-port', '8080'],
      '-port: there is no such flag: write --listen-addr HOST:PORT, such as --listen-addr 0.0.0.0:8080',
    ],
    [['-p8080'], '-p8080: there is no such flag: write --listen-addr HOST:PORT, such as --listen-addr 0.0.0.0:8080'],
    [['--token', 's3cret'], '--token: there is no such flag: write --auth-token TOKEN or --auth-token-file PATH'],
    [['-c', 'signal.yaml'], '-c: there is no such flag: write --config PATH'],
    [['--verbose'], '--verbose: there is no such flag: set the level of the log with RUST_LOG, such as RUST_LOG=debug'],
    [['--no-log-format'], '--no-log-format: there is no such flag (did you mean --log-format?)'],
    [['--__proto__=x'], '--__proto__: there is no such flag'],
    [['--constructor', 'x'], '--constructor: there is no such flag'],
    [['-x'], '-x: there is no such flag'],
  ])('%j is not a flag: one fault', (argv, fault) => {
    expect(parse(...argv)).toEqual({ ...NOTHING, faults: [fault] });
  });

  it('hides no other fault if it is unknown', () => {
    expect(parse('--bogus', '--log-format', 'healthcheck', 'now').faults).toEqual([
      '--bogus: there is no such flag',
      'there is no such command; the commands are serve, check-config, healthcheck, doctor, connections, disconnect, token',
    ]);
  });
});

describe('a token on the command line', () => {
  it.each([
    ['after a misspelt flag', ['--auth-tokn', 's3cret']],
    ['joined to a misspelt flag', ['--auth-tokn=s3cret']],
    ['with a dash at its start', ['--auth-token', '-s3cret']],
    ['in one word with its flag, as in a list of args in YAML', ['--auth-token s3cret']],
    ['after a colon', ['--auth-token:s3cret']],
    ['after a flag that took the next flag as its value', ['--listen-addr', '--auth-token', 's3cret']],
    ['after a single dash', ['-auth-token', 's3cret']],
    ['given twice', ['--auth-token=s3cret', '--auth-token=s3cret2']],
  ])('never appears in a fault: %s', (_where, argv) => {
    const { faults } = parse(...argv);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join('\n')).not.toContain('s3cret');
  });
});

describe('doctor', () => {
  const DOCTOR = { ...NOTHING, command: 'doctor' };

  it('takes a URL, and its own flags before and after it', () => {
    expect(
      parse('doctor', '--token', 'a', 'wss://host', '--json', '--ca=/ca.pem', '--timeout', '1s', '--token-file', '/t'),
    ).toEqual({
      ...DOCTOR,
      operands: ['wss://host'],
      flags: { token: 'a', json: '', ca: '/ca.pem', timeout: '1s', 'token-file': '/t' },
    });
  });

  it.each([
    [['--idle', 'host'], '2m', ['host']],
    [['host', '--idle'], '2m', ['host']],
    [['--idle', '--json', 'host'], '2m', ['host']],
    [['--idle', '30s', 'host'], '30s', ['host']],
    [['--idle=30s', 'host'], '30s', ['host']],
    [['--idle', '127.0.0.1:80'], '2m', ['127.0.0.1:80']],
    [['--idle=soon', 'host'], 'soon', ['host']],
  ])('%j: the time after --idle is optional', (words, idle, operands) => {
    expect(parse('doctor', ...words)).toMatchObject({ flags: { idle }, operands, faults: [] });
  });

  it('keeps all words, although only one is allowed', () => {
    expect(parse('doctor').operands).toEqual([]);
    expect(parse('doctor', 'a', 'serve').operands).toEqual(['a', 'serve']);
  });

  it.each([
    [['--listen-addr', ':1'], '--listen-addr: there is no such flag'],
    [['--auth-token', 's3cret'], '--auth-token: there is no such flag'],
    [['--tokn=s3cret'], '--tokn: there is no such flag (did you mean --token?)'],
    [['--token s3cret'], '--token: put its value into a separate word, or after --token='],
    [['--token', '-s3cret'], '--token: needs a value; write one that begins with a dash as --token=VALUE'],
    [['--token', '--json'], '--token: needs a value; write one that begins with a dash as --token=VALUE'],
    [['--token=s3cret', '--token=s3cret'], '--token: given more than once'],
    [['--json=yes'], '--json: takes no value'],
  ])('%j is a fault', (words, fault) => {
    expect(parse('doctor', 'host', ...words)).toMatchObject({ operands: ['host'], faults: [fault] });
  });

  it('comes first, and shares no flags with the settings', () => {
    expect(parse('--log-format', 'json', 'doctor', 'wss://host')).toMatchObject({
      command: 'doctor',
      operands: ['wss://host'],
      faults: [expect.stringMatching(/^doctor must be the first word/)],
    });
    expect(parse('serve', '--json').faults).toEqual(['--json: there is no such flag']);
  });

  it('has its own help', () => {
    expect(parse('doctor', '--help')).toEqual({ ...DOCTOR, help: true });
    expect(parse('doctor', '-V')).toEqual({ ...DOCTOR, version: true });
  });
});

describe('--help and --version', () => {
  it.each([
    ['--help', true, false],
    ['-h', true, false],
    ['--version', false, true],
    ['-V', false, true],
    ['-v', false, true],
  ])('%s is understood', (word, help, version) => {
    expect(parse(word)).toEqual({ ...NOTHING, help, version });
  });

  it('are understood among faults', () => {
    expect(parse('--bogus', '--help')).toMatchObject({ help: true, faults: ['--bogus: there is no such flag'] });
  });

  it('are not read from a flag with a single dash: a server that prints its help does not run', () => {
    expect(parse('-auth-token', 'x')).toMatchObject({ help: false });
  });

  it('take no value', () => {
    expect(parse('--help=no').faults).toHaveLength(1);
  });
});
