import { existsSync } from 'node:fs';
import { natsOf, nodesOf, ROOT } from './compose.js';
import type { ComposeService, Deployment } from './compose.js';
import { deployed, seconds } from './settings.js';

/** What a compose file must satisfy. Each rule returns the faults that it finds, one sentence each. */
export type ComposeRule = (deployment: Deployment) => string[];

/** Seconds that a node needs besides its drain to end in order. */
const SLACK = 5;

/** The Compose keys that our files use. */
const KEYS = new Set([
  'profiles',
  'build',
  'image',
  'user',
  'entrypoint',
  'command',
  'environment',
  'networks',
  'depends_on',
  'ports',
  'volumes',
  'ulimits',
  'healthcheck',
  'restart',
  'read_only',
  'tmpfs',
  'cap_drop',
  'cap_add',
  'security_opt',
  'stop_grace_period',
]);

/** Images that do not run as root by default: ours (Dockerfile) and HAProxy's. */
const NOT_ROOT = /^(?:cairn-signal$|haproxy:)/;

const each = (
  { compose: { services } }: Deployment,
  rule: (service: ComposeService, name: string) => readonly (readonly [wrong: boolean, fault: string])[],
): string[] =>
  Object.entries(services).flatMap(([name, service]) =>
    rule(service, name)
      .filter(([wrong]) => wrong)
      .map(([, fault]) => `${name}: ${fault}`),
  );

const started = ({ command = [], environment = {} }: ComposeService): ReturnType<typeof deployed> =>
  deployed({ args: command, environment });

const keys: ComposeRule = (deployment) =>
  each(deployment, (service) =>
    Object.keys(service).map((key) => [!KEYS.has(key), `${key} is no key of a service that we use`]),
  );

const settings: ComposeRule = ({ compose }) =>
  nodesOf(compose).flatMap(([name, node]) => started(node).faults.map((fault) => `${name}: ${fault}`));

const references: ComposeRule = (deployment) => {
  const { services, networks = {} } = deployment.compose;
  const used = new Set(Object.values(services).flatMap((service) => service.networks ?? []));
  const sources = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0]));
  return [
    ...each(deployment, ({ depends_on: needed = [], networks: joined = [] }) => [
      ...needed.map((other) => [services[other] === undefined, `there is no service ${other}`] as const),
      ...joined.map((network) => [networks[network] === undefined, `there is no network ${network}`] as const),
    ]),
    ...Object.keys(networks)
      .filter((network) => !used.has(network))
      .map((network) => `nobody is in network ${network}`),
    ...(Object.values(services).filter(({ build }) => build !== undefined).length === 1
      ? []
      : ['cairn-signal is not built once']),
    // ./certs and ./turn are provided by the operator.
    ...sources
      .filter((path) => path !== './certs' && path !== './turn' && !existsSync(new URL(path, ROOT)))
      .map((path) => `there is no ${path}`),
  ];
};

const hardening: ComposeRule = (deployment) =>
  each(
    deployment,
    ({
      image = '',
      user,
      read_only: readOnly,
      cap_drop: dropped,
      cap_add: added = [],
      security_opt: options,
      volumes = [],
    }) => [
      [readOnly !== true, 'its file system can be written'],
      [dropped?.includes('ALL') !== true, 'it has capabilities'],
      // The binary in coturn's image has this one, and does not start without.
      [added.some((one) => one !== 'NET_BIND_SERVICE' || !image.startsWith('coturn/')), 'it has capabilities'],
      [options?.includes('no-new-privileges:true') !== true, 'its privileges can grow'],
      [user === undefined ? !NOT_ROOT.test(image) : /^(?:0|root)(?::|$)/.test(user), 'it runs as root'],
      [!volumes.every((volume) => volume.endsWith(':ro')), 'it can write to what is mounted'],
      [!/^cairn-signal$|:[\d.]+(?:-\w+)?$/.test(image), 'its image has no version'],
    ],
  );

/** Our image has its own health check, in the Dockerfile. */
const health: ComposeRule = (deployment) =>
  each(deployment, ({ image, healthcheck }) => [
    [image !== 'cairn-signal' && healthcheck?.test?.[0] !== 'CMD', 'nobody checks its health'],
  ]);

const grace: ComposeRule = ({ compose }) =>
  nodesOf(compose).flatMap(([name, node]) => {
    const { settings: of } = started(node);
    if (of === undefined) return [`${name}: the settings do not load`];
    return seconds(node.stop_grace_period) * 1000 >= of.drainDelay + of.drainTimeout + SLACK * 1000
      ? []
      : [`${name}: the grace period ends before the drain does`];
  });

const flag = (service: ComposeService, name: string): string =>
  service.command?.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '';

const bus: ComposeRule = ({ compose }) => {
  const { networks = {} } = compose;
  const servers = natsOf(compose);
  const names = servers.map(([name]) => name);
  const all = (port: string): string => names.map((name) => `nats://${name}:${port}`).join();
  return [
    ...nodesOf(compose).flatMap(([name, { environment = {}, networks: joined = [] }]) => [
      ...(environment.CAIRN_SIGNAL_NATS_URL === all('4222')
        ? []
        : [`${name}: nats-url does not name every server of NATS`]),
      ...servers
        .filter(([, server]) => !server.networks?.some((network) => joined.includes(network)))
        .map(([server]) => `${name}: it is in no network with ${server}`),
      ...servers
        .filter(([, server]) => flag(server, 'auth') !== environment.CAIRN_SIGNAL_NATS_TOKEN)
        .map(([server]) => `${name}: ${server} asks for another token`),
    ]),
    ...servers.flatMap(([name, server]) => [
      ...(flag(server, 'routes') === all(new URL(flag(server, 'cluster')).port)
        ? []
        : [`${name}: its routes are not those of the cluster`]),
      ...(flag(server, 'cluster_name') === flag(servers[0][1], 'cluster_name')
        ? []
        : [`${name}: it is of another cluster`]),
      ...(server.ports === undefined &&
      server.networks?.every((network) => networks[network]?.internal === true) === true
        ? []
        : [`${name}: others than the nodes can reach it`]),
      ...(server.healthcheck?.test?.at(-1) === `http://127.0.0.1:${flag(server, 'http_port')}/healthz`
        ? []
        : [`${name}: its health is asked elsewhere`]),
    ]),
  ];
};

/** The management address asks for no token. So it must be reachable only from a closed network of the nodes. */
const management: ComposeRule = ({ compose, proxy }) => {
  const { networks = {}, services } = compose;
  const nodes = nodesOf(compose);
  const others = new Set(
    Object.entries(services)
      .filter(([name]) => !nodes.some(([node]) => node === name))
      .flatMap(([, { networks: joined = [] }]) => joined),
  );
  return nodes.flatMap(([name, node]) => {
    const { managementAddr } = started(node).settings ?? {};
    if (managementAddr === undefined) return [`${name}: nobody can see how it is`];
    const { host, port } = managementAddr;
    const checks: (readonly [boolean, string])[] = [
      [host !== '0.0.0.0', `${name}: nobody else reaches its management address`],
      [
        !node.networks?.some((network) => networks[network]?.internal === true && !others.has(network)),
        `${name}: there is no closed network to scrape it by`,
      ],
      [
        node.ports?.some((published) => published.split(':').at(-1) === String(port)) === true,
        `${name}: its management port is published`,
      ],
      [
        lines(proxy).some(([word, , address = '']) => word === 'server' && address.endsWith(`:${port}`)),
        `${name}: the proxy leads to its management port`,
      ],
    ];
    return checks.filter(([wrong]) => wrong).map(([, fault]) => fault);
  });
};

/** The proxy's configuration, line by line: `timeout tunnel 1h` is ['timeout', 'tunnel', '1h']. */
const lines = (proxy: string): string[][] =>
  proxy
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([word]) => word !== '');

/** Returns the word after the last of these words, in the first line that has them in this order. */
function after(proxy: string, ...words: string[]): string | undefined {
  const line = lines(proxy).find((written) => words.every((word, index) => written.indexOf(word, index) >= 0));
  return line?.[line.indexOf(words.at(-1)!) + 1];
}

/** `path`: the path that tells whether a node is ready. */
export const proxying =
  (path: string): ComposeRule =>
  ({ compose, proxy }) => {
    const nodes = nodesOf(compose);
    const [name, service] =
      Object.entries(compose.services).find(([, { image }]) => image?.startsWith('haproxy:')) ?? [];
    if (name === undefined || service === undefined) return ['there is no proxy'];
    const front = service.networks?.find((network) => nodes.every(([, node]) => node.networks?.includes(network)));
    const servers = lines(proxy)
      .filter(([word]) => word === 'server')
      .map(([, server, address]) => `${server} ${address}`);
    const bound = new Set(
      lines(proxy)
        .filter(([word]) => word === 'bind')
        .map(([, address]) => address.replace(/.*:/, '')),
    );
    const asked = service.healthcheck?.test?.at(-1);
    const starts = nodes.map(([, node]) => ({ ...started(node), ...node }));
    const found = starts.flatMap(({ settings: of, environment = {}, ports }): (readonly [boolean, string])[] => {
      if (of === undefined) return [[true, 'the settings do not load']];
      const seen = seconds(after(proxy, 'check', 'inter')) * Number(after(proxy, 'check', 'fall')) * 1000;
      return [
        [
          environment.CAIRN_SIGNAL_TRUSTED_PROXIES !== compose.networks?.[front ?? '']?.ipam?.config[0].subnet,
          'the nodes do not trust the network of the proxy',
        ],
        [
          !(seconds(after(proxy, 'timeout', 'tunnel')) * 1000 > of.pingInterval + of.pongTimeout),
          'the proxy ends idle connections before the nodes ping them',
        ],
        [!(seen < of.drainDelay), 'drain-delay ends before the proxy knows that a node is not ready'],
        [ports !== undefined, 'a node can be reached past the proxy'],
        [
          servers.join() !== nodes.map(([node]) => `${node} ${node}:${of.listenAddr.port}`).join(),
          'the proxy does not know every node',
        ],
      ];
    });
    const checks: (readonly [boolean, string])[] = [
      ...found,
      [front === undefined, 'the proxy is in no network with the nodes'],
      [after(proxy, 'httpchk', 'GET') !== path, `the proxy does not ask ${path}`],
      [after(proxy, 'http-request', 'set-header', 'X-Forwarded-For') !== '%[src]', 'peers can say where they are'],
      [/^\s*(?:cookie|stick|stick-table|hash-type|balance\s+(?:source|uri|hdr))\b/m.test(proxy), 'the proxy is sticky'],
      [
        !(seconds(after(proxy, 'hard-stop-after')) < seconds(service.stop_grace_period)),
        'the grace period ends before the proxy does',
      ],
      [!((service.ulimits?.nofile ?? 0) >= 2 * Number(after(proxy, 'maxconn'))), 'the proxy may open too few files'],
      [!service.ports?.every((port) => bound.has(port.split(':').at(-1)!)), 'a published port is not bound'],
      [
        asked === undefined ||
          !bound.has(new URL(asked).port) ||
          after(proxy, 'monitor-uri') !== new URL(asked).pathname,
        'the health of the proxy is asked elsewhere',
      ],
    ];
    return [...new Set(checks.filter(([wrong]) => wrong).map(([, fault]) => fault))];
  };

/** The rules for every compose file. */
export const EVERY = { keys, settings, references, hardening, health, grace } satisfies Record<string, ComposeRule>;
/** The rules for a cluster, except `proxying`, which needs the path. */
export const CLUSTER = { bus, management } satisfies Record<string, ComposeRule>;
