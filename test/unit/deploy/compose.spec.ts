import { describe, expect, it } from '@jest/globals';
import { natsOf, nodesOf, readCompose } from '../../support/deploy/compose.js';
import type { ComposeService, Deployment } from '../../support/deploy/compose.js';
import { CLUSTER, EVERY, proxying } from '../../support/deploy/compose-rules.js';
import type { ComposeRule } from '../../support/deploy/compose-rules.js';
import { HEALTH_PATHS } from '../../support/deploy/health-paths.js';

const rules: Record<string, ComposeRule> = { ...EVERY, ...CLUSTER, proxying: proxying(HEALTH_PATHS.ready) };

const readCluster = (): Deployment => readCompose('compose.cluster.yaml', 'deploy/compose/haproxy.cfg');

describe('compose.yaml', () => {
  it.each(Object.entries(EVERY))('follows the rule: %s', (_name, rule) => {
    expect(rule(readCompose('compose.yaml'))).toEqual([]);
  });
});

describe('compose.cluster.yaml', () => {
  it.each(Object.entries(rules))('follows the rule: %s', (_name, rule) => {
    expect(rule(readCluster())).toEqual([]);
  });

  it('has two servers of NATS, three nodes and a proxy', () => {
    const { compose } = readCluster();
    expect([natsOf(compose).length, nodesOf(compose).length, Object.keys(compose.services).length]).toEqual([2, 3, 6]);
  });
});

/** Changes one service. */
const service =
  (name: string, change: (service: ComposeService) => unknown) =>
  ({ compose }: Deployment): unknown =>
    change(compose.services[name]);
const node = (change: (service: ComposeService) => unknown): ((deployment: Deployment) => unknown) =>
  service('signal-2', change);
const variable = (name: string, value: string): ((deployment: Deployment) => unknown) =>
  node((one) => (one.environment = { ...one.environment, [`CAIRN_SIGNAL_${name}`]: value }));
/** Changes one line of the proxy's configuration. */
const line =
  (written: string | RegExp, to: string) =>
  (deployment: Deployment): void => {
    const before = deployment.proxy;
    deployment.proxy = before.replace(written, to);
    expect(deployment.proxy).not.toBe(before);
  };

const FAULTS: readonly [rule: string, what: string, change: (deployment: Deployment) => unknown, fault: RegExp][] = [
  ['keys', 'a mistyped key', node((one) => Object.assign(one, { readonly: true })), /signal-2: readonly is no key/],
  [
    'settings',
    'a variable that does not exist',
    variable('DRAIN_DELY', '5s'),
    /signal-2: CAIRN_SIGNAL_DRAIN_DELY: there is no such setting/,
  ],
  ['settings', 'a value out of range', variable('DRAIN_DELAY', '5'), /CAIRN_SIGNAL_DRAIN_DELAY "5": expected/],
  ['settings', 'a flag that does not exist', node((one) => (one.command = ['--port=1'])), /--port/],
  ['settings', 'networks that are none', variable('TRUSTED_PROXIES', 'front'), /TRUSTED_PROXIES/],
  ['references', 'a service that does not exist', node((one) => one.depends_on!.push('nats-3')), /no service nats-3/],
  ['references', 'two builds of one image', node((one) => (one.build = '.')), /not built once/],
  ['references', 'an image that nobody builds', service('signal-1', (one) => delete one.build), /not built once/],
  ['references', 'a network that does not exist', node((one) => one.networks!.push('back')), /no network back/],
  [
    'references',
    'a network for nobody',
    ({ compose }) => (compose.networks = { ...compose.networks, back: {} }),
    /nobody is in network back/,
  ],
  [
    'references',
    'a file that is not there',
    service('proxy', (one) => (one.volumes = ['./deploy/nginx.conf:/x:ro'])),
    /no \.\/deploy\/nginx.conf/,
  ],
  ['hardening', 'a file system to write', node((one) => (one.read_only = false)), /can be written/],
  ['hardening', 'capabilities', node((one) => delete one.cap_drop), /capabilities/],
  ['hardening', 'a capability', node((one) => (one.cap_add = ['NET_BIND_SERVICE'])), /signal-2: it has capabilities/],
  ['hardening', 'privileges', service('proxy', (one) => delete one.security_opt), /proxy: its privileges/],
  ['hardening', 'root by the image', service('nats-1', (one) => delete one.user), /nats-1: it runs as root/],
  ['hardening', 'root by name', node((one) => (one.user = '0:0')), /signal-2: it runs as root/],
  [
    'hardening',
    'a mount to write',
    service('proxy', (one) => one.volumes!.push('./certs:/certs')),
    /can write to what/,
  ],
  ['hardening', 'an image without a version', service('nats-1', (one) => (one.image = 'nats:latest')), /no version/],
  ['health', 'no health check', service('nats-2', (one) => delete one.healthcheck), /nats-2: nobody/],
  ['grace', 'a grace period too short', node((one) => (one.stop_grace_period = '29s')), /grace period/],
  ['grace', "Docker's default", node((one) => delete one.stop_grace_period), /grace period/],
  ['grace', 'a longer drain', variable('DRAIN_TIMEOUT', '1m'), /grace period/],
  ['bus', 'one server alone', variable('NATS_URL', 'nats://nats-1:4222'), /signal-2: nats-url/],
  ['bus', 'another port', variable('NATS_URL', 'nats://nats-1:4222,nats://nats-2:6222'), /nats-url/],
  ['bus', 'another token', variable('NATS_TOKEN', 'x'), /signal-2: nats-1 asks for another token/],
  ['bus', 'a node that is apart', node((one) => (one.networks = ['front'])), /in no network with nats-1/],
  [
    'bus',
    'a server without routes',
    service('nats-2', (one) => (one.command = one.command!.filter((word) => !word.startsWith('--routes')))),
    /nats-2: its routes/,
  ],
  [
    'bus',
    'a server of another cluster',
    service('nats-2', (one) => (one.command = one.command!.map((word) => word.replace('cairn', 'other')))),
    /nats-2: it is of another/,
  ],
  ['bus', 'a bus for everyone', ({ compose }) => (compose.networks!.bus.internal = false), /others than the nodes/],
  ['bus', 'a published port', service('nats-1', (one) => (one.ports = ['4222:4222'])), /others than the nodes/],
  [
    'bus',
    'health on another port',
    service('nats-1', (one) => (one.healthcheck!.test = ['CMD', 'wget', 'http://127.0.0.1:8223/healthz'])),
    /health is asked elsewhere/,
  ],
  [
    'management',
    'no management address',
    node((one) => Reflect.deleteProperty(one.environment!, 'CAIRN_SIGNAL_MANAGEMENT_ADDR')),
    /signal-2: nobody can see/,
  ],
  [
    'management',
    'an address of the container alone',
    variable('MANAGEMENT_ADDR', '127.0.0.1:9090'),
    /signal-2: nobody else reaches/,
  ],
  [
    'management',
    'a node that is apart',
    node((one) => (one.networks = ['front', 'bus'])),
    /signal-2: there is no closed network/,
  ],
  [
    'management',
    'an open network',
    ({ compose }) => (compose.networks!.monitoring.internal = false),
    /no closed network/,
  ],
  [
    'management',
    'a network with others',
    service('proxy', (one) => one.networks!.push('monitoring')),
    /no closed network/,
  ],
  [
    'management',
    'a published port',
    node((one) => (one.ports = ['127.0.0.1:9090:9090'])),
    /signal-2: its management port is published/,
  ],
  ['management', 'a proxy that leads there', line('signal-3:8080', 'signal-3:9090'), /leads to its management port/],
  ['proxying', 'a proxy that is not trusted', variable('TRUSTED_PROXIES', '10.0.0.0/8'), /do not trust/],
  ['proxying', 'a proxy that is apart', service('proxy', (one) => (one.networks = [])), /in no network with the nodes/],
  ['proxying', 'another port of a node', variable('LISTEN_ADDR', '0.0.0.0:8081'), /does not know every node/],
  ['proxying', 'a node that is not known', line('    server signal-3 signal-3:8080\n', ''), /does not know every node/],
  ['proxying', 'a node past the proxy', node((one) => (one.ports = ['8081:8080'])), /past the proxy/],
  ['proxying', 'a short time-out', line('timeout tunnel 1h', 'timeout tunnel 30s'), /ends idle connections/],
  ['proxying', 'no time-out', line(/.*timeout tunnel.*/, ''), /ends idle connections/],
  ['proxying', 'a long ping interval', variable('PING_INTERVAL', '1h'), /ends idle connections/],
  ['proxying', 'slow checks', line('inter 1s', 'inter 5s'), /drain-delay ends before/],
  ['proxying', 'no delay', variable('DRAIN_DELAY', '0s'), /drain-delay ends before/],
  ['proxying', 'another path', line('GET /health/ready', 'GET /health/live'), /does not ask \/health\/ready/],
  [
    'proxying',
    'a header that is added to',
    line('set-header X-Forwarded-For', 'add-header X-Forwarded-For'),
    /peers can say where they are/,
  ],
  ['proxying', 'stickiness by address', line('balance leastconn', 'balance source'), /sticky/],
  [
    'proxying',
    'stickiness by cookie',
    line('balance leastconn', 'balance leastconn\n    cookie node insert'),
    /sticky/,
  ],
  [
    'proxying',
    'a grace period too short',
    service('proxy', (one) => (one.stop_grace_period = '10s')),
    /before the proxy does/,
  ],
  ['proxying', 'too few files', service('proxy', (one) => delete one.ulimits), /too few files/],
  ['proxying', 'a port that nobody binds', service('proxy', (one) => (one.ports = ['80:80'])), /not bound/],
  ['proxying', 'health on another path', line('monitor-uri /health', 'monitor-uri /up'), /health of the proxy/],
];

describe('the rules find', () => {
  it.each(FAULTS)('%s: %s', (rule, _what, change, fault) => {
    const deployment = structuredClone(readCluster());
    change(deployment);
    expect(rules[rule](deployment).join('\n')).toMatch(fault);
  });

  it('something each', () => {
    expect([...new Set(FAULTS.map(([rule]) => rule))].toSorted()).toEqual(Object.keys(rules).toSorted());
  });
});
