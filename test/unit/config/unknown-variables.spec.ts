import { describe, expect, it } from '@jest/globals';
import { loadSettings } from '../../../src/config/load-settings.js';

describe('an unknown variable', () => {
  function warnings(...variables: string[]): readonly string[] {
    const environment = Object.fromEntries(variables.map((variable) => [variable, 's3cret']));
    return loadSettings({ flags: new Map(), environment }).warnings;
  }

  it('gives a warning with the nearest name, without its value', () => {
    expect(
      warnings('CAIRN_SIGNAL_AUTH_TOKN', 'CAIRN_SIGNAL_LISTEN', 'CAIRN_SIGNAL_CONFG', 'CAIRN_SIGNAL_WHATEVER_ELSE_XY'),
    ).toEqual([
      'CAIRN_SIGNAL_AUTH_TOKN: there is no such setting, so it is ignored (did you mean CAIRN_SIGNAL_AUTH_TOKEN?)',
      'CAIRN_SIGNAL_LISTEN: there is no such setting, so it is ignored (did you mean CAIRN_SIGNAL_LISTEN_ADDR?)',
      'CAIRN_SIGNAL_CONFG: there is no such setting, so it is ignored (did you mean CAIRN_SIGNAL_CONFIG?)',
      'CAIRN_SIGNAL_WHATEVER_ELSE_XY: there is no such setting, so it is ignored',
    ]);
  });

  it.each(['CAIRN_SIGNAL_FOO', 'CAIRN_SIGNAL_DRAIN', 'CAIRN_SIGNAL_LOG', 'CAIRN_SIGNAL_TOKEN'])(
    '%s is not taken for a setting that shares only its prefix',
    (variable) => {
      expect(warnings(variable)[0]).not.toMatch(/CAIRN_SIGNAL_(CONFIG|TLS_KEY)/);
    },
  );

  it.each([
    'CAIRN_SIGNAL_PORT',
    'CAIRN_SIGNAL_SERVICE_HOST',
    'CAIRN_SIGNAL_SERVICE_PORT',
    'CAIRN_SIGNAL_SERVICE_PORT_HTTPS',
    'CAIRN_SIGNAL_PORT_443_TCP',
    'CAIRN_SIGNAL_PORT_443_TCP_ADDR',
    'CAIRN_SIGNAL_PORT_443_TCP_PORT',
    'CAIRN_SIGNAL_PORT_443_TCP_PROTO',
    'CAIRN_SIGNAL_PORT_53_UDP',
  ])('%s is ignored: Kubernetes sets it for a Service of that name', (variable) => {
    expect(warnings(variable)).toEqual([]);
  });

  it.each(['CAIRN_SIGNAL_PORT_FILE', 'CAIRN_SIGNAL_PORT_443', 'CAIRN_SIGNAL_SERVICE', 'CAIRN_SIGNAL_PORT_443_TCPX'])(
    '%s is not set by Kubernetes',
    (variable) => {
      expect(warnings(variable)).toHaveLength(1);
    },
  );

  /** What Kubernetes sets for a Service with two ports. */
  const ofService = (service: string): string[] => [
    `${service}_SERVICE_HOST`,
    `${service}_SERVICE_PORT`,
    `${service}_SERVICE_PORT_HTTP`,
    `${service}_PORT`,
    ...['9090_TCP', '53_UDP'].flatMap((port) =>
      ['', '_PROTO', '_PORT', '_ADDR'].map((part) => `${service}_PORT_${port}${part}`),
    ),
  ];

  it('is one line for all that Kubernetes sets for Services whose name begins with ours', () => {
    expect(
      warnings(
        ...ofService('CAIRN_SIGNAL'),
        ...ofService('CAIRN_SIGNAL_METRICS'),
        ...ofService('CAIRN_SIGNAL_NATS_HEADLESS'),
        'CAIRN_SIGNAL_METRICS_TOKN',
      ),
    ).toEqual([
      'the environment has what Kubernetes sets for the Services cairn-signal-metrics, cairn-signal-nats-headless: these variables look like settings but do nothing; "enableServiceLinks: false" in the pod keeps them out',
      'CAIRN_SIGNAL_METRICS_TOKN: there is no such setting, so it is ignored (did you mean CAIRN_SIGNAL_METRICS_TOKEN?)',
    ]);
  });

  it('that only looks like one of a Service is named', () => {
    expect(warnings('CAIRN_SIGNAL_METRICS_PORT')).toEqual([
      expect.stringContaining('CAIRN_SIGNAL_METRICS_PORT: there is no such setting'),
    ]);
  });

  it('is ignored without our prefix', () => {
    expect(warnings('RUST_LOG', 'PATH', 'CAIRN_AUTH_TOKEN', 'MY_CAIRN_SIGNAL_X')).toEqual([]);
  });
});
