import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadTokens } from '../../../src/auth/load-tokens.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { CONFIG_FILE } from '../../support/load.js';
import { HEALTH_PATHS } from '../../support/deploy/health-paths.js';
import { schemaFaults } from '../../support/deploy/kubernetes-schema.js';
import { KUSTOMIZE_RULES, probes, RULES } from '../../support/deploy/kubernetes-rules.js';
import type { Rule } from '../../support/deploy/kubernetes-rules.js';
import { containerOf, objects, podOf, readManifests } from '../../support/deploy/manifests.js';
import type { HttpRoute, Kustomized } from '../../support/deploy/manifests.js';
import { startServer, stopServers } from '../../support/server.js';

afterAll(stopServers);

const rules: Record<string, Rule<Kustomized>> = { ...RULES, ...KUSTOMIZE_RULES, probes: probes(HEALTH_PATHS) };

/** The manifests with one thing changed. */
function changed(change: (manifests: Kustomized) => void): Kustomized {
  const manifests = structuredClone(readManifests());
  change(manifests);
  return manifests;
}

const setting =
  (line: RegExp, to: string) =>
  (manifests: Kustomized): void => {
    expect(manifests.config).toMatch(line);
    manifests.config = manifests.config.replace(line, to);
  };

/** Puts an Ingress in front. */
const ingress =
  ({ host = 'a.example.com', service = 'cairn-signal', port = 'wss', certified = 'a.example.com' }) =>
  (manifests: Kustomized): void => {
    const backend = { service: { name: service, port: { name: port } } };
    manifests.ingress = {
      spec: {
        tls: [{ hosts: [certified] }],
        rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
      },
    };
  };

/** Puts Traefik or ingress-nginx in front, and lets the nodes trust it. */
const controlled =
  (annotations: Record<string, string>, more = '') =>
  (manifests: Kustomized): void => {
    ingress({})(manifests);
    manifests.ingress!.metadata = { annotations };
    manifests.config = `${manifests.config.replace(/^tls.*\n/gm, '')}trustedProxies: [10.0.0.0/8]\n${more}`;
  };

const NGINX = {
  'nginx.ingress.kubernetes.io/proxy-read-timeout': '60',
  'nginx.ingress.kubernetes.io/proxy-send-timeout': '60',
  'nginx.ingress.kubernetes.io/proxy-next-upstream': 'error timeout http_503',
  'nginx.ingress.kubernetes.io/force-ssl-redirect': 'true',
};

/** Puts a Gateway in front, and lets the nodes trust it. */
const gateway =
  (rule: Partial<HttpRoute['spec']['rules'][number]>, spec: Partial<HttpRoute['spec']> = {}) =>
  (manifests: Kustomized): void => {
    const to = {
      matches: [{ path: { type: 'PathPrefix', value: '/' } }],
      backendRefs: [{ name: 'cairn-signal', port: 443 }],
    };
    manifests.config += 'trustedProxies: [10.0.0.0/8]\n';
    manifests.route = {
      spec: { parentRefs: [{ name: 'public' }], hostnames: ['a.example.com'], rules: [{ ...to, ...rule }], ...spec },
    };
  };

/** Scales by a metric of the pods. */
const scaledBy =
  (name: string, averageValue: string) =>
  ({ autoscaler }: Kustomized): void => {
    autoscaler.spec!.metrics!.push({
      type: 'Pods',
      pods: { metric: { name }, target: { type: 'AverageValue', averageValue } },
    });
  };

describe('deploy/kubernetes', () => {
  it.each<[string, object]>(objects(readManifests()).map((object) => [(object as { kind: string }).kind, object]))(
    '%s matches the API',
    (_kind, object) => {
      expect(schemaFaults(object)).toEqual([]);
    },
  );

  it.each(Object.entries(rules))('follows the rule: %s', (_name, rule) => {
    expect(rule(readManifests())).toEqual([]);
  });

  it('requests paths that the server answers', async () => {
    const { http } = await startServer();
    const { startupProbe, livenessProbe, readinessProbe } = containerOf(readManifests());
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      expect((await fetch(`${http}${probe!.httpGet!.path!}`)).status).toBe(200);
    }
  });

  it('has an example Secret that opens no server', () => {
    writeFileSync(CONFIG_FILE, readManifests().secret.stringData!.tokens);
    expect(() => loadTokens(parseSettings({ authTokenFile: CONFIG_FILE }))).toThrow('there is no token in it');
  });
});

describe('the schema finds', () => {
  it.each<[string, (manifests: Kustomized) => unknown, RegExp]>([
    [
      'a field that does not exist',
      ({ deployment }) => Object.assign(deployment.spec!.template.spec!.containers[0], { livenesProbe: {} }),
      /livenesProbe/,
    ],
    [
      'a field of another type',
      ({ deployment }) => Object.assign(deployment.spec!, { minReadySeconds: '10' }),
      /'string' is not assignable to type 'number'/,
    ],
    [
      'a field in the wrong place',
      ({ deployment }) => Object.assign(deployment.spec!.template.spec!, { readOnlyRootFilesystem: true }),
      /readOnlyRootFilesystem/,
    ],
    [
      'a missing field',
      ({ deployment }) => Reflect.deleteProperty(deployment.spec!, 'selector'),
      /'selector' is missing/,
    ],
    [
      'a version that has no such kind',
      ({ deployment }) => Object.assign(deployment, { apiVersion: 'autoscaling/v2' }),
      /no exported member 'Deployment'/,
    ],
    [
      'a version that does not exist',
      ({ deployment }) => Object.assign(deployment, { apiVersion: 'apps/v7' }),
      /Cannot find module/,
    ],
    ['an object without a version', ({ deployment }) => Reflect.deleteProperty(deployment, 'apiVersion'), /./],
    [
      'an object without metadata',
      ({ deployment }) => Reflect.deleteProperty(deployment, 'metadata'),
      /'metadata' is missing/,
    ],
  ])('%s', (_what, change, fault) => {
    expect(schemaFaults(changed(change).deployment).join('\n')).toMatch(fault);
  });
});

const FAULTS: readonly [rule: string, what: string, change: (manifests: Kustomized) => unknown, fault: RegExp][] = [
  [
    'settings',
    'a setting that does not exist',
    setting(/^logFormat:/m, 'logFormats:'),
    /logFormats: there is no such setting/,
  ],
  [
    'settings',
    'a value out of range',
    setting(/^maxConnections: .*/m, 'maxConnections: many'),
    /maxConnections "many": expected/,
  ],
  ['settings', 'a key without its certificate', setting(/^tlsCert: .*\n/m, ''), /TLS needs both/],
  ['settings', 'a flag that does not exist', (manifests) => containerOf(manifests).args!.push('--port', '1'), /--port/],
  [
    'settings',
    'a variable that does not exist',
    (manifests) => containerOf(manifests).env!.push({ name: 'CAIRN_SIGNAL_PROT', value: '1' }),
    /CAIRN_SIGNAL_PROT: there is no such setting/,
  ],
  [
    'files',
    'a resource that is not there',
    ({ kustomization }) => kustomization.resources.push('ingress.yaml'),
    /ingress.yaml, which does not exist/,
  ],
  ['files', 'a file that is not applied', ({ kustomization }) => kustomization.resources.pop(), /leaves out/],
  [
    'files',
    'an example that is applied',
    ({ kustomization }) => kustomization.resources.push('secret.example.yaml'),
    /not to be applied/,
  ],
  ['files', 'an image that nobody chose', (manifests) => (containerOf(manifests).image = 'cairn'), /chooses no image/],
  [
    'files',
    'an image without a tag',
    ({ kustomization }) => Reflect.deleteProperty(kustomization.images[0], 'newTag'),
    /no fixed tag/,
  ],
  [
    'selectors',
    'another label on the pods',
    ({ deployment }) => (deployment.spec!.template.metadata!.labels = { app: 'x' }),
    /does not select its own/,
  ],
  [
    'selectors',
    'a Service of other pods',
    ({ service }) => (service.spec!.selector = { app: 'x' }),
    /Service selects no/,
  ],
  [
    'selectors',
    'a budget of other pods',
    ({ budget }) => (budget.spec!.selector = { matchLabels: { app: 'x' } }),
    /Budget selects no/,
  ],
  ['selectors', 'a policy of all pods', ({ policy }) => (policy.spec!.podSelector = {}), /Policy selects no/],
  [
    'selectors',
    'a spread of other pods',
    (manifests) => (podOf(manifests).topologySpreadConstraints![0].labelSelector = { matchLabels: { app: 'x' } }),
    /counts other/,
  ],
  [
    'selectors',
    'a target that does not exist',
    ({ autoscaler }) => (autoscaler.spec!.scaleTargetRef.name = 'x'),
    /scales something else/,
  ],
  ['ports', 'another port in the settings', setting(/0\.0\.0\.0:8443/, '0.0.0.0:443'), /listens on 443/],
  ['ports', 'an address that pods cannot reach', setting(/0\.0\.0\.0:8443/, '127.0.0.1:8443'), /all addresses/],
  [
    'ports',
    'two ports of one name',
    (manifests) => containerOf(manifests).ports!.push({ name: 'wss', containerPort: 1 }),
    /one name/,
  ],
  [
    'ports',
    'a target port that does not exist',
    ({ service }) => (service.spec!.ports![0].targetPort = 'http'),
    /targetPort http/,
  ],
  [
    'ports',
    'a probe of another port',
    (manifests) => (containerOf(manifests).livenessProbe!.httpGet!.port = 8080),
    /liveness probe's port 8080/,
  ],
  [
    'ports',
    'a management address for the pod alone',
    setting(/0\.0\.0\.0:9090/, '127.0.0.1:9090'),
    /all addresses at 9090/,
  ],
  ['ports', 'another management port in the settings', setting(/0\.0\.0\.0:9090/, '0.0.0.0:9091'), /listens on 9091/],
  [
    'ports',
    'a port of nobody',
    (manifests) => containerOf(manifests).ports!.push({ name: 'debug', containerPort: 9229 }),
    /nobody listens on the container's port 9229/,
  ],
  ['management', 'no management address', setting(/^managementAddr: .*/m, ''), /nobody can see/],
  ['settings', 'one port for all', setting(/0\.0\.0\.0:9090/, '0.0.0.0:8443'), /give it another port/],
  [
    'management',
    'a port by another name',
    (manifests) => (containerOf(manifests).ports![1].name = 'metrics'),
    /does not find the management port/,
  ],
  [
    'management',
    'a Service for it',
    ({ service }) => service.spec!.ports!.push({ name: 'management', port: 9090, targetPort: 'management' }),
    /Service leads/,
  ],
  [
    'management',
    'a Service by number',
    ({ service }) => service.spec!.ports!.push({ name: 'management', port: 9090 }),
    /Service leads/,
  ],
  [
    'management',
    'a Service for it alone',
    ({ service }) => (service.spec!.ports![0].targetPort = 9090),
    /Service leads/,
  ],
  [
    'management',
    'a probe of it',
    (manifests) => (containerOf(manifests).readinessProbe!.httpGet!.port = 'management'),
    /where no peer does/,
  ],
  ['management', 'a policy without Prometheus', ({ policy }) => policy.spec!.ingress!.pop(), /keeps Prometheus out/],
  [
    'management',
    'a policy for everyone',
    ({ policy }) => Reflect.deleteProperty(policy.spec!.ingress![1], 'from'),
    /lets anyone/,
  ],
  [
    'management',
    'a policy for every namespace',
    ({ policy }) => (policy.spec!.ingress![1].from![0].namespaceSelector = {}),
    /lets anyone/,
  ],
  [
    'management',
    'a policy for every port',
    ({ policy }) => Reflect.deleteProperty(policy.spec!.ingress![0], 'ports'),
    /lets anyone/,
  ],
  [
    'management',
    'a policy for all of its own namespace',
    ({ policy }) => policy.spec!.ingress![1].from!.push({ podSelector: {} }),
    /lets anyone/,
  ],
  [
    'probes',
    'a path that does not exist',
    (manifests) => (containerOf(manifests).livenessProbe!.httpGet!.path = '/healthz'),
    /liveness probe asks \/healthz/,
  ],
  [
    'probes',
    'readiness for liveness',
    (manifests) => (containerOf(manifests).livenessProbe!.httpGet!.path = '/health/ready'),
    /liveness probe/,
  ],
  [
    'probes',
    'a missing probe',
    (manifests) => Reflect.deleteProperty(containerOf(manifests), 'readinessProbe'),
    /readiness probe/,
  ],
  [
    'probes',
    'plain HTTP to TLS',
    (manifests) => Reflect.deleteProperty(containerOf(manifests).startupProbe!.httpGet!, 'scheme'),
    /by HTTP, the server answers by HTTPS/,
  ],
  [
    'mounts',
    'a mount without a volume',
    (manifests) => (containerOf(manifests).volumeMounts![0].name = 'x'),
    /volume x is mounted and does not exist/,
  ],
  [
    'mounts',
    'a volume that is not mounted',
    (manifests) => containerOf(manifests).volumeMounts!.pop(),
    /volume tls is not mounted/,
  ],
  [
    'mounts',
    'a ConfigMap that does not exist',
    ({ contents }) => Reflect.deleteProperty(contents, 'cairn-signal'),
    /volume config is of a ConfigMap/,
  ],
  [
    'mounts',
    'a Secret of another name',
    ({ contents }) => Reflect.deleteProperty(contents, 'cairn-signal-tokens'),
    /volume tokens is of a ConfigMap or Secret/,
  ],
  [
    'mounts',
    'a key of another name',
    ({ contents }) => (contents['cairn-signal-tokens'] = ['token']),
    /authTokenFile: there is no/,
  ],
  [
    'mounts',
    'a certificate elsewhere',
    setting(/^tlsCert: .*/m, 'tlsCert: /certs/tls.crt'),
    /tlsCert: there is no \/certs\/tls.crt/,
  ],
  [
    'mounts',
    'a configuration file elsewhere',
    (manifests) => (containerOf(manifests).args![1] = '/etc/x.yaml'),
    /--config: there is no \/etc\/x.yaml/,
  ],
  [
    'mounts',
    'a Secret by subPath',
    (manifests) => (containerOf(manifests).volumeMounts![1].subPath = 'tokens'),
    /subPath/,
  ],
  [
    'mounts',
    'a Secret that everyone may read',
    (manifests) => (podOf(manifests).volumes![1].secret!.defaultMode = 0o444),
    /group alone/,
  ],
  [
    'mounts',
    'a Secret of another group',
    (manifests) => (podOf(manifests).securityContext!.fsGroup = 1),
    /another group/,
  ],
  [
    'example',
    'a token in the example',
    ({ secret }) => (secret.stringData = { tokens: 'changeme\n' }),
    /everyone knows/,
  ],
  [
    'grace',
    'a grace period too short',
    (manifests) => (podOf(manifests).terminationGracePeriodSeconds = 54),
    /grace period/,
  ],
  [
    'grace',
    'the default grace period',
    (manifests) => Reflect.deleteProperty(podOf(manifests), 'terminationGracePeriodSeconds'),
    /grace period/,
  ],
  ['grace', 'a longer drain', setting(/^drainTimeout: .*/m, 'drainTimeout: 1m'), /grace period/],
  ['grace', 'no delay', setting(/^drainDelay: .*/m, 'drainDelay: 0s'), /drain-delay/],
  [
    'grace',
    'a preStop hook',
    (manifests) => (containerOf(manifests).lifecycle = { preStop: { exec: { command: ['sleep', '5'] } } }),
    /preStop/,
  ],
  ['security', 'root', (manifests) => (podOf(manifests).securityContext!.runAsUser = 0), /65532/],
  [
    'security',
    'no seccomp profile',
    (manifests) => Reflect.deleteProperty(podOf(manifests).securityContext!, 'seccompProfile'),
    /seccomp/,
  ],
  [
    'security',
    'a root file system to write',
    (manifests) => (containerOf(manifests).securityContext!.readOnlyRootFilesystem = false),
    /root file system/,
  ],
  [
    'security',
    'privileges',
    (manifests) => Reflect.deleteProperty(containerOf(manifests).securityContext!, 'allowPrivilegeEscalation'),
    /privileges/,
  ],
  [
    'security',
    'a capability',
    (manifests) => (containerOf(manifests).securityContext!.capabilities!.add = ['NET_ADMIN']),
    /capabilities/,
  ],
  ['security', 'the network of the machine', (manifests) => (podOf(manifests).hostNetwork = true), /apart/],
  [
    'security',
    'a token of the API server',
    (manifests) => (podOf(manifests).automountServiceAccountToken = true),
    /API server/,
  ],
  [
    'security',
    'variables of Services',
    (manifests) => Reflect.deleteProperty(podOf(manifests), 'enableServiceLinks'),
    /Services/,
  ],
  [
    'rollout',
    'an update that takes first',
    ({ deployment }) => (deployment.spec!.strategy!.rollingUpdate!.maxUnavailable = 1),
    /takes a pod/,
  ],
  ['rollout', 'a number of its own', ({ deployment }) => (deployment.spec!.replicas = 3), /undoes/],
  ['rollout', 'two pods', ({ autoscaler }) => (autoscaler.spec!.minReplicas = 2), /fewer than 3/],
  ['rollout', 'evictions by two', ({ budget }) => (budget.spec!.maxUnavailable = 2), /evicted/],
  [
    'rollout',
    'no spread',
    (manifests) => Reflect.deleteProperty(podOf(manifests), 'topologySpreadConstraints'),
    /not spread/,
  ],
  [
    'rollout',
    'hasty scaling',
    ({ autoscaler }) => (autoscaler.spec!.behavior!.scaleDown!.stabilizationWindowSeconds = 60),
    /hasty/,
  ],
  ['rollout', 'stickiness', ({ service }) => (service.spec!.sessionAffinity = 'ClientIP'), /sticky/],
  [
    'rollout',
    'addresses of machines for peers',
    ({ service }) => (service.spec!.externalTrafficPolicy = 'Cluster'),
    /addresses/,
  ],
  [
    'resources',
    'a heap too large',
    (manifests) => (containerOf(manifests).env![0].value = '--max-old-space-size=900'),
    /do not fit/,
  ],
  ['resources', 'no heap size', (manifests) => Reflect.deleteProperty(containerOf(manifests), 'env'), /do not fit/],
  [
    'resources',
    'buffers too large',
    setting(/^maxBufferedTotalBytes: .*/m, 'maxBufferedTotalBytes: 1073741824'),
    /do not fit/,
  ],
  [
    'resources',
    'too much that is not finished',
    setting(/^maxUnfinishedTotalBytes: .*/m, 'maxUnfinishedTotalBytes: 1073741824'),
    /do not fit/,
  ],
  [
    'resources',
    'less memory than promised',
    (manifests) => (containerOf(manifests).resources!.requests!.memory = '512Mi'),
    /not reserved/,
  ],
  [
    'resources',
    'no share of CPU',
    (manifests) => Reflect.deleteProperty(containerOf(manifests).resources!.requests!, 'cpu'),
    /no share/,
  ],
  ['network', 'one direction alone', ({ policy }) => policy.spec!.policyTypes!.pop(), /one direction/],
  [
    'network',
    'a policy for another port',
    ({ policy }) => (policy.spec!.ingress![0].ports![0].port = 443),
    /not let in/,
  ],
  [
    'network',
    'peers from one place',
    ({ policy }) => (policy.spec!.ingress![0].from = [{ podSelector: {} }]),
    /not let in/,
  ],
  ['network', 'no DNS', ({ policy }) => policy.spec!.egress!.shift(), /ask DNS/],
  ['network', 'no NATS', ({ policy }) => policy.spec!.egress!.pop(), /reach NATS/],
  ['network', 'NATS in another namespace', setting(/nats\.nats\.svc/, 'nats.bus.svc'), /reach NATS/],
  ['network', 'NATS on another port', setting(/:4222/, ':4223'), /reach NATS/],
  ['rollout', 'several pods without a bus', setting(/^natsUrl: .*/m, ''), /do not meet/],
  ['rollout', 'no number of pods', (manifests) => Reflect.deleteProperty(manifests, 'autoscaler'), /how many pods/],
  ['routes', 'an Ingress that nobody trusts', ingress({}), /not trusted/],
  ['routes', 'an Ingress for all hosts', ingress({ host: '' }), /any host/],
  ['routes', 'an Ingress of another Service', ingress({ service: 'x' }), /leads nowhere/],
  ['routes', 'an Ingress of another port', ingress({ port: 'x' }), /leads nowhere/],
  ['routes', 'peers that are trusted', setting(/$/, 'trustedProxies: [10.0.0.0/8]\n'), /peers are trusted/],
  ['routes', 'two ways in', (of) => [ingress({})(of), gateway({})(of)], /an Ingress and a route/],
  ['routes', 'a route for all hosts', gateway({}, { hostnames: [] }), /route takes requests for any host/],
  ['routes', 'a route to metrics', gateway({ backendRefs: [{ name: 'cairn-signal', port: 9090 }] }), /leads nowhere/],
  ['routes', 'a route to another', gateway({ backendRefs: [{ name: 'nats', port: 443 }] }), /leads nowhere/],
  ['front', 'a route to no Gateway', gateway({}, { parentRefs: [] }), /at no Gateway/],
  ['front', 'a limit on requests', gateway({ timeouts: { request: '30s' } }), /ends connections that last/],
  ['front', 'a limit on nodes', gateway({ timeouts: { backendRequest: '1h' } }), /ends connections that last/],
  [
    'front',
    'a path of its own',
    gateway({ matches: [{ path: { type: 'PathPrefix', value: '/signal' } }] }),
    /not all paths lead/,
  ],
  ...['read', 'send'].map(
    (which) =>
      [
        'front',
        `a short time to ${which}`,
        controlled({ ...NGINX, [`nginx.ingress.kubernetes.io/proxy-${which}-timeout`]: '45' }),
        new RegExp(`proxy-${which}-timeout is not longer`),
      ] as (typeof FAULTS)[number],
  ),
  [
    'front',
    'no second node',
    controlled({ ...NGINX, 'nginx.ingress.kubernetes.io/proxy-next-upstream': 'error timeout' }),
    /not sent to the next one/,
  ],
  [
    'front',
    'no redirection to TLS',
    controlled({ ...NGINX, 'nginx.ingress.kubernetes.io/force-ssl-redirect': 'false' }),
    /nginx takes peers in plaintext/,
  ],
  [
    'front',
    'TLS to a plain node',
    controlled({ ...NGINX, 'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS' }),
    /ingress-nginx and the nodes do not speak/,
  ],
  ['front', 'TLS of nobody', controlled({ 'traefik.ingress.kubernetes.io/router.tls': 'true' }), /Traefik takes/],
  [
    'front',
    'a plain entry',
    controlled({
      'traefik.ingress.kubernetes.io/router.entrypoints': 'web',
      'traefik.ingress.kubernetes.io/router.tls': 'true',
    }),
    /Traefik takes peers in plaintext/,
  ],
  [
    'front',
    'connections kept too short',
    controlled({ 'traefik.ingress.kubernetes.io/router.tls': 'true' }, 'keepAliveTimeout: 90s\n'),
    /Traefik reuses connections/,
  ],
  ['scaling', 'a metric of nobody', scaledBy('cairn_connections', '1000'), /no node has the metric/],
  ['scaling', 'no target', scaledBy('cairn_signal_connections', '0'), /no number of peers/],
  ['scaling', 'a target that comes too late', scaledBy('cairn_signal_connections', '24001'), /full before/],
  ['routes', 'a certificate of another host', ingress({ certified: 'b.example.com' }), /for no host/],
  ['network', 'everything', ({ policy }) => policy.spec!.egress!.push({}), /more than DNS and NATS/],
];

describe('the rules find', () => {
  it.each(FAULTS)('%s: %s', (rule, _what, change, fault) => {
    expect(rules[rule](changed(change)).join('\n')).toMatch(fault);
  });

  it('something each', () => {
    expect([...new Set(FAULTS.map(([rule]) => rule))].toSorted()).toEqual(Object.keys(rules).toSorted());
  });
});
