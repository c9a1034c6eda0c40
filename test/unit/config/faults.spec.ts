import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../../../src/config/faults.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { CONFIG_FILE, CONFIG_FOLDER, load, faultsOf } from '../../support/load.js';

describe('the token: auth never fails open', () => {
  it.each([
    ['the variable', 'CAIRN_SIGNAL_AUTH_TOKEN', { environment: { CAIRN_SIGNAL_AUTH_TOKEN: '' } }],
    ['the flag', '--auth-token', { flags: { 'auth-token': '' }, environment: { CAIRN_SIGNAL_AUTH_TOKEN: 's3cret' } }],
    ['the key in the file', `${CONFIG_FILE}: authToken`, { yaml: 'authToken: ""' }],
  ])('is one clear fault when %s is empty', (_what, source, given) => {
    expect(faultsOf(() => load(given))).toEqual([
      `${source}: an empty token would let nobody in; to serve without a token, leave the setting out`,
    ]);
  });

  it.each([
    [
      'the variable',
      'CAIRN_SIGNAL_AUTH_TOKEN (8 characters)',
      { environment: { CAIRN_SIGNAL_AUTH_TOKEN: 's3cret-ü' } },
    ],
    ['the flag', '--auth-token (7 characters)', { flags: { 'auth-token': ' s3cret' } }],
    ['the key in the file', `${CONFIG_FILE}: authToken (7 characters)`, { yaml: 'authToken: "s3cret\\n"' }],
  ])('is not repeated when %s is not a valid token', (_what, source, given) => {
    expect(faultsOf(() => load(given))).toEqual([
      `${source}: expected visible ASCII characters without spaces around them: an HTTP header carries nothing else`,
    ]);
  });
});

describe('TLS: both files or neither', () => {
  it.each([
    ['a flag', '--tls-cert is set but tls-key is not', { flags: { 'tls-cert': '/c' } }],
    ['the other flag', '--tls-key is set but tls-cert is not', { flags: { 'tls-key': '/k' } }],
    ['a variable', 'CAIRN_SIGNAL_TLS_CERT is set but tls-key is not', { environment: { CAIRN_SIGNAL_TLS_CERT: '/c' } }],
    ['a key in the file', `${CONFIG_FILE}: tlsKey is set but tls-cert is not`, { yaml: 'tlsKey: /k' }],
  ])('is a fault when only %s is given', (_what, fault, given) => {
    expect(faultsOf(() => load(given))).toEqual([`${fault}: TLS needs both, plaintext neither`]);
  });

  it('takes the two from different places', () => {
    expect(load({ yaml: 'tlsCert: /c', environment: { CAIRN_SIGNAL_TLS_KEY: '/k' } }).settings).toMatchObject({
      tlsCert: '/c',
      tlsKey: '/k',
    });
  });
});

describe('the management address', () => {
  it.each([
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['0.0.0.0:8080', '127.0.0.1:8080'],
    ['10.0.0.1:8080', '[::]:8080'],
  ])('needs its own port: %s and %s', (listenAddr, managementAddr) => {
    expect(faultsOf(() => load({ flags: { 'listen-addr': listenAddr, 'management-addr': managementAddr } }))).toEqual([
      '--management-addr is the same address as listen-addr: give it another port',
    ]);
  });

  it.each([
    ['10.0.0.1:8080', '127.0.0.1:8080'],
    ['0.0.0.0:8080', '0.0.0.0:9090'],
    ['127.0.0.1:0', '127.0.0.1:0'],
  ])('may be next to it: %s and %s', (listenAddr, managementAddr) => {
    expect(load({ flags: { 'listen-addr': listenAddr, 'management-addr': managementAddr } }).warnings).toEqual([]);
  });

  it('metrics need a different token than peers', () => {
    const environment = { CAIRN_SIGNAL_METRICS_TOKEN: 's3cret', CAIRN_SIGNAL_AUTH_TOKEN: 's3cret' };
    expect(faultsOf(() => load({ environment }))).toEqual([
      'CAIRN_SIGNAL_METRICS_TOKEN and CAIRN_SIGNAL_AUTH_TOKEN are the same: everyone who reads metrics could connect',
    ]);
  });
});

describe('faults', () => {
  it('are listed all together, each with its source, those of the command line first', () => {
    const given = {
      yaml: 'drainTimeout: 10\nlistenAdr: a:1',
      environment: { CAIRN_SIGNAL_MAX_MESSAGE_BYTES: 'many' },
      flags: { 'log-format': 'xml', 'tls-key': '/k' },
    };
    expect(faultsOf(() => load(given, ['"stop": there is no such command']))).toEqual([
      '"stop": there is no such command',
      '--log-format "xml": expected json or pretty',
      'CAIRN_SIGNAL_MAX_MESSAGE_BYTES "many": expected a whole number from 1024 to 67108864',
      `${CONFIG_FILE}: drainTimeout 10: expected a length of time from 0s to 1h, such as 500ms, 10s, 5m or 1h`,
      `${CONFIG_FILE}: listenAdr: there is no such setting (did you mean listenAddr?)`,
      '--tls-key is set but tls-cert is not: TLS needs both, plaintext neither',
    ]);
  });

  it('of only the command line stop the start', () => {
    expect(faultsOf(() => load({}, ['--bogus: there is no such flag']))).toEqual(['--bogus: there is no such flag']);
  });

  it('are the lines of the message of the error', () => {
    expect(() => load({}, ['one', 'two'])).toThrow(new ConfigurationError(['one', 'two']));
    expect(new ConfigurationError(['one', 'two']).message).toBe('one\ntwo');
  });

  it('do not come from a value that is overridden', () => {
    expect(
      load({ environment: { CAIRN_SIGNAL_LOG_FORMAT: 'xml' }, flags: { 'log-format': 'json' } }).settings.logFormat,
    ).toBe('json');
  });

  it('show a value that is too simple to be a secret, and otherwise its length', () => {
    expect(faultsOf(() => parseSettings({ drainTimeout: 'x'.repeat(7) }))[0]).toMatch(/^drainTimeout "xxxxxxx": expe/);
    expect(faultsOf(() => parseSettings({ drainTimeout: 'x'.repeat(8) }))[0]).toMatch(
      /^drainTimeout \(8 characters\): e/,
    );
  });

  it.each([
    ['--config', { flags: { config: join(CONFIG_FOLDER, 'none.yaml') } }],
    ['CAIRN_SIGNAL_CONFIG', { environment: { CAIRN_SIGNAL_CONFIG: join(CONFIG_FOLDER, 'none.yaml') } }],
  ])('name %s as the source of a configuration file that is not there', (source, given) => {
    const [fault, ...others] = faultsOf(() => load(given));
    expect(others).toEqual([]);
    expect(fault).toContain(`${JSON.stringify(join(CONFIG_FOLDER, 'none.yaml'))}: there is no such file`);
    expect(fault).toContain(source);
  });
});
