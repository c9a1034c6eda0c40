import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Deployment, DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import { parse } from 'yaml';
import { buildRenderer, CASES, INGRESSES, missing, outputs, stale, valuesOf } from '../../../scripts/chart.mjs';
import { settingNames } from '../../../src/config/settings.js';
import { METRICS } from '../../../src/exposition/metric-table.js';
import { HEALTH_PATHS } from '../../support/deploy/health-paths.js';
import { probes, RULES } from '../../support/deploy/kubernetes-rules.js';
import { schemaFaults } from '../../support/deploy/kubernetes-schema.js';
import { containerOf, manifestsOf, parseObjects, podOf, TLS_KEYS } from '../../support/deploy/manifests.js';
import type { KubernetesObject, Manifests } from '../../support/deploy/manifests.js';
import type { Monitoring, Recording } from '../../support/deploy/monitoring.js';
import { overlay } from '../../support/deploy/overlays.js';

const CHART = 'deploy/helm/cairn-signal';

/** ConfigMaps and Secrets that an operator makes, and their keys. */
const EXISTING = {
  'cairn-signal-tls': TLS_KEYS,
  'signal-certificate': TLS_KEYS,
  'cairn-signal-tokens': ['tokens'],
  'signal-nats': ['nats.creds', 'ca.crt'],
  'signal-turn': ['secret'],
  'signal-modules': ['office-hours.mjs', 'policy.mjs'],
  'company-ca': ['ca.crt'],
};

/** Kinds of others than Kubernetes, of which there are no published types. */
const FOREIGN = new Set(['HTTPRoute', 'PodMonitor', 'ServiceMonitor', 'PrometheusRule']);

interface MonitorSpec {
  selector: { matchLabels: Record<string, string> };
  jobLabel: string;
}

const rules = { ...RULES, probes: probes(HEALTH_PATHS) };

/** As `describe`; without Go and its libraries skipped, with the reason in the title, and a failure where CI=true. */
function describeWithGo(title: string, tests: () => void): void {
  // oxlint-disable jest/valid-title, jest/valid-describe-callback, jest/no-disabled-tests -- this stands in for describe
  if (missing === undefined || process.env.CI === 'true') describe(title, tests);
  else describe.skip(`${title} (${missing})`, tests);
  // oxlint-enable
}

const readYaml = (path: string): Record<string, unknown> => parse(readFileSync(path, 'utf8')) as never;

describeWithGo('the Helm chart', () => {
  let renderer: ReturnType<typeof buildRenderer>;
  beforeAll(() => {
    renderer = buildRenderer();
  }, 300_000);
  afterAll(() => renderer.remove());

  const render = (values: string | string[], release?: string): KubernetesObject[] => {
    const { ok, text } = renderer.render(values, release);
    expect([ok, ok ? '' : text]).toEqual([true, '']);
    return parseObjects(text);
  };
  const manifests = (values: string | string[]): Manifests => manifestsOf(render(values), EXISTING);

  it('is what deploy/kubernetes and the goldens were made from', () => {
    expect(stale(outputs(renderer.render))).toEqual([]);
  });

  describe.each(CASES)('with the values %s', (name) => {
    it('matches the API', () => {
      const objects = render([valuesOf(name)]);
      expect(objects.length).toBeGreaterThan(3);
      expect(objects.filter(({ kind }) => !FOREIGN.has(kind)).flatMap(schemaFaults)).toEqual([]);
    }, 60_000);

    it.each(Object.keys(rules))('follows the rule: %s', (rule) => {
      expect(rules[rule as keyof typeof rules](manifests([valuesOf(name)]))).toEqual([]);
    });

    it('has one object of each kind and name, with labels', () => {
      const objects = render([valuesOf(name)]);
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
      expect(objects.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] !== 'Helm')).toEqual(
        [],
      );
    });

    it('runs nothing as root', () => {
      const deployments = render([valuesOf(name)]).filter(({ kind }) => kind === 'Deployment');
      for (const deployment of deployments) {
        const of = { ...manifests([valuesOf(name)]), deployment: deployment as unknown as Deployment };
        expect(rules.security(of)).toEqual([]);
      }
    });
  });

  it('is installed as its README says', () => {
    const [, values] = /```yaml\n([^]*?)```/.exec(readFileSync(`${CHART}/README.md`, 'utf8'))!;
    expect(values).toBe(readFileSync(`${CHART}/examples/ingress-nginx.yaml`, 'utf8'));
    const of = manifests(values);
    // Everything that pods wait for is in the chart or made by the second command.
    expect(podOf(of).volumes!.flatMap(({ secret }) => secret?.secretName ?? [])).toEqual(['cairn-signal-tokens']);
    expect(of.ingress!.spec!.rules!.map(({ host }) => host)).toEqual(['signal.example.com']);
    expect(Object.entries(rules).flatMap(([, rule]) => rule(of))).toEqual([]);
  });

  describe.each(INGRESSES)('as the overlay %s', (name) => {
    const objects = overlay(name);

    it.each(Object.keys(rules))('follows the rule: %s', (rule) => {
      expect(rules[rule as keyof typeof rules](manifestsOf(objects, EXISTING))).toEqual([]);
    });

    it('is what the chart makes of its example with the NATS of deploy/kubernetes', () => {
      const { nats: _bundled, ...values } = readYaml(valuesOf(name));
      const of = manifestsOf(objects);
      const chart = manifests(JSON.stringify(values));
      expect(parse(of.config)).toEqual(parse(chart.config));
      expect(podOf(chart)).toMatchObject(podOf(of));
      for (const part of ['service', 'ingress', 'route', 'policy', 'budget', 'autoscaler'] as const) {
        const { selector: _a, podSelector: _b, ...spec } = (of[part]?.spec ?? {}) as Record<string, unknown>;
        expect(chart[part]?.spec ?? {}).toMatchObject(spec);
      }
      expect([of.ingress?.metadata?.annotations]).toEqual([chart.ingress?.metadata?.annotations]);
    });
  });

  it('asks for the metric that the adapter of deploy/prometheus gives', () => {
    const { metrics } = manifests('autoscaling: { targetConnections: 21000 }').autoscaler!.spec!;
    const [{ seriesQuery, name }] = (
      readYaml('deploy/prometheus/adapter.yaml') as {
        rules: { custom: { seriesQuery: string; name: { as: string } }[] };
      }
    ).rules.custom;
    expect(metrics!.flatMap(({ pods }) => pods ?? [])).toEqual([
      { metric: { name: name.as }, target: { type: 'AverageValue', averageValue: '21000' } },
    ]);
    expect(METRICS.map((metric) => metric.name)).toContain(seriesQuery.replace(/\{.*/, ''));
  });

  it('lets annotations of its own win over those of the controller', () => {
    const read = 'nginx.ingress.kubernetes.io/proxy-read-timeout';
    const of =
      manifests(`ingress: { enabled: true, controller: ingress-nginx, hosts: [a.example.com], annotations: { ${read}: "75" } }
settings: { trustedProxies: [10.0.0.0/8] }`);
    expect(of.ingress!.metadata!.annotations).toMatchObject({ [read]: '75' });
    expect(rules.front(of)).toEqual([]);
  });

  it('rolls the nodes when a setting changes, and not otherwise', () => {
    const sum = (values: string): string | undefined =>
      manifests(values).deployment.spec!.template.metadata?.annotations?.['checksum/config'];
    expect(sum('{}')).toBe(sum('service: { annotations: { a: b } }'));
    expect(sum('{}')).not.toBe(sum('settings: { maxConnections: 1000 }'));
  });

  it('takes a default setting away for null', () => {
    expect(parse(manifests('settings: { checkPage: null }').config)).not.toHaveProperty('checkPage');
  });

  it.each([
    ['prod', 'prod-cairn-signal'],
    ['cairn-signal', 'cairn-signal'],
    ['my-cairn-signal', 'my-cairn-signal'],
    [`${'a'.repeat(49)}-bcd`, 'a'.repeat(49)],
  ])('is named for the release %s', (release, name) => {
    expect(render('{}', release).map(({ metadata }) => metadata.name)).toContain(name);
  });

  it('keeps two releases in one namespace apart', () => {
    const [a, b] = ['a', 'b'].map((release) => manifestsOf(render('nats: { bundled: true }', release)));
    const selected = ({ selector }: DeploymentSpec): unknown => selector.matchLabels;
    expect(selected(a.deployment.spec!)).not.toEqual(selected(b.deployment.spec!));
    expect(a.service.spec!.selector).not.toEqual(b.service.spec!.selector);
  });

  it('takes the alerts and the dashboard over as they are', () => {
    const objects = render([valuesOf('everything')]) as (KubernetesObject & { spec?: unknown })[];
    const alerts = objects.find(({ kind }) => kind === 'PrometheusRule');
    expect(alerts!.spec).toEqual(readYaml('deploy/prometheus/cairn-signal.rules.yaml'));
    const dashboard = objects.find(({ metadata }) => metadata.name === 'signal-dashboard');
    expect(JSON.parse(dashboard!.data!['cairn-signal.json'])).toEqual(
      JSON.parse(readFileSync('deploy/grafana/cairn-signal.json', 'utf8')),
    );
  });

  it('puts other objectives into the alerts, and changes nothing else', () => {
    const objectives = '{ rendezvous: 99.95, relay: 95, availability: 99 }';
    const objects = render(`prometheusRule: { enabled: true, objectives: ${objectives} }`);
    const { spec } = objects.find(({ kind }) => kind === 'PrometheusRule') as { spec?: unknown };
    const percents: Record<string, number> = { rendezvous: 99.95, relay: 95, availability: 99 };
    const expected = readYaml('deploy/prometheus/cairn-signal.rules.yaml') as Pick<Monitoring, 'groups'>;
    const set = expected.groups
      .flatMap(({ rules: all }) => all)
      .filter((rule) => 'record' in rule && rule.record === 'cairn_signal:objective:percent') as Recording[];
    for (const rule of set) rule.expr = `vector(${percents[rule.labels!.objective]})`;
    expect(set).toHaveLength(3);
    expect(spec).toEqual(expected);
  });

  it.each(['podMonitor', 'serviceMonitor'])('lets Prometheus find the nodes as %s', (monitor) => {
    const objects = render(`{${monitor}: { enabled: true }}`);
    const { selector, jobLabel } = (objects as (KubernetesObject & { spec: MonitorSpec })[]).find(
      ({ kind }) => kind.toLowerCase() === monitor.toLowerCase(),
    )!.spec;
    const found = objects
      .filter(({ kind }) => kind === (monitor === 'podMonitor' ? 'Deployment' : 'Service'))
      .map((object) =>
        object.kind === 'Deployment'
          ? (object as unknown as Deployment).spec!.template.metadata!.labels!
          : object.metadata.labels!,
      )
      .filter((labels) => Object.entries(selector.matchLabels).every(([label, value]) => labels[label] === value));
    expect(found.map((labels) => labels[jobLabel])).toEqual(['cairn-signal']);
  });

  it('routes what the Gateway takes to the port of the Service', () => {
    const objects = render([valuesOf('gateway')]);
    const { service } = manifestsOf(objects);
    const route = objects.find(({ kind }) => kind === 'HTTPRoute') as never as {
      spec: { rules: { backendRefs: { name: string; port: number }[] }[] };
    };
    expect(route.spec.rules[0].backendRefs).toEqual([
      { name: service.metadata!.name, port: service.spec!.ports![0].port },
    ]);
  });

  it.each<[what: string, values: string, sees: (manifests: Manifests) => unknown, expected: unknown]>([
    ['a digest', `image: { digest: "sha256:${'0'.repeat(64)}" }`, (of) => containerOf(of).image, /@sha256:0{64}$/],
    ['a tag', 'image: { tag: "1.2" }', (of) => containerOf(of).image, /cairn-signal:1\.2$/],
    ['plain HTTP', 'tls: { enabled: false }', (of) => of.config, /^(?![^]*tlsCert)/],
    ['plain HTTP, in the Service', 'tls: { enabled: false }', (of) => String(of.service.spec!.ports![0].port), /^80$/],
    ['a port of the Service', 'service: { port: 8443 }', (of) => String(of.service.spec!.ports![0].port), /^8443$/],
    [
      'a NATS of another namespace',
      'nats: { url: "nats://bus.messaging.svc:5222" }',
      (of) => JSON.stringify(of.policy!.spec!.egress),
      /"messaging"[^]*5222/,
    ],
    [
      'a number in the env, as text',
      'extraEnv: [{ name: A, value: "1" }]',
      (of) => containerOf(of).env![1].value,
      /^1$/,
    ],
    ['no policy', 'networkPolicy: { enabled: false }', (of) => typeof of.policy, /^undefined$/],
    ['the global values of a parent', 'global: { a: 1 }', (of) => podOf(of).containers.length.toString(), /^1$/],
  ])('understands %s', (_what, values, sees, expected) => {
    const of = manifests(values);
    expect(sees(of)).toMatch(expected as RegExp);
    expect(rules.ports(of)).toEqual([]);
    expect(rules.mounts(of)).toEqual([]);
    expect(rules.network(of)).toEqual([]);
  });

  it.each([
    ['an unknown key', 'replica: 3', /Additional property replica is not allowed/],
    ['an unknown key below', 'ingress: { host: a.example.com }', /ingress: Additional property host is not allowed/],
    ['an unknown setting', 'settings: { maxConections: 3 }', /settings: Additional property maxConections is not/],
    ['a setting of other values', 'settings: { listenAddr: "0.0.0.0:1" }', /listenAddr is not allowed/],
    ['a secret among the settings', 'settings: { authToken: abc }', /authToken is not allowed/],
    ['a word for a number', 'replicas: three', /replicas: Invalid type. Expected: integer, given: string/],
    ['a text for a switch', 'tokens: { enabled: "yes" }', /tokens.enabled: Invalid type. Expected: boolean/],
    ['a map for a setting', 'settings: { maxConnections: { a: 1 } }', /settings.maxConnections: Invalid type/],
    ['a number in the env', 'extraEnv: [{ name: A, value: 1 }]', /extraEnv.0.value: Invalid type. Expected: string/],
    ['half a replica', 'replicas: 1.5', /replicas: Invalid type. Expected: integer/],
    ['negative replicas', 'replicas: -1', /replicas: Must be greater than or equal to 1/],
    ['no replicas', 'replicas: 0', /replicas: Must be greater than or equal to 1/],
    [
      'a name over 63 characters',
      `fullnameOverride: ${'a'.repeat(64)}`,
      /fullnameOverride: String length must be less/,
    ],
    ['a name with capitals', 'fullnameOverride: Signal', /fullnameOverride: Does not match pattern/],
    ['a name of a Secret that cannot be', 'tls: { existingSecret: "a b" }', /tls.existingSecret: Does not match/],
    ['a port out of range', 'service: { port: 70000 }', /service.port: Must be less than or equal to 65535/],
    ['a type of Service', 'service: { type: Loadbalancer }', /service.type: service.type must be one of/],
    [
      'a URL as a host',
      'ingress: { enabled: true, hosts: ["https://a.example.com"] }',
      /ingress.hosts.0: Does not match/,
    ],
    ['a token with a line end', 'tokens: { lines: ["a\\nb"] }', /tokens.lines.0: Does not match/],
    ['a password in a URL', 'nats: { url: "nats://a:b@nats:4222" }', /nats.url: Does not match/],
    ['two kinds of NATS', 'nats: { bundled: true, url: "nats://a:4222" }', /nats.bundled and nats.url: choose one/],
    ['a URL of no NATS', 'nats: { enabled: false, url: "nats://a:4222" }', /but nats.enabled is false/],
    ['several nodes without NATS', 'nats: { enabled: false }', /would not meet: set autoscaling.enabled to false/],
    [
      'replicas without NATS',
      '{ nats: { enabled: false }, autoscaling: { enabled: false }, replicas: 2 }',
      /would not meet/,
    ],
    ['files of no Secret', 'nats: { files: { natsCreds: a } }', /nats.files needs nats.existingSecret/],
    ['an Ingress without a host', 'ingress: { enabled: true }', /ingress.enabled needs a host in ingress.hosts/],
    ['a route without a host', 'httpRoute: { enabled: true }', /httpRoute.enabled needs a host in httpRoute.hosts/],
    ['a route without a Gateway', 'httpRoute: { enabled: true, hosts: [a.example.com] }', /needs a Gateway/],
    [
      'a proxy that nobody trusts',
      'ingress: { enabled: true, hosts: [a.example.com] }',
      /needs settings.trustedProxies/,
    ],
    [
      'two kinds of ingress',
      '{ ingress: { enabled: true, hosts: [a.example.com] }, httpRoute: { enabled: true, hosts: [a.example.com] } }',
      /ingress and httpRoute: choose one/,
    ],
    [
      'an issuer without a Secret',
      'ingress: { enabled: true, hosts: [a.example.com], annotations: { cert-manager.io/cluster-issuer: a } }',
      /needs ingress.tlsSecret/,
    ],
    ['a controller that nobody knows', 'ingress: { controller: nginx }', /ingress.controller must be one of/],
    [
      'a host twice',
      'ingress: { hosts: [a.example.com, a.example.com] }',
      /ingress.hosts: array items\[0,1\] must be uniq/,
    ],
    [
      'no peers per node',
      'autoscaling: { targetConnections: 0 }',
      /targetConnections: Must be greater than or equal to 1/,
    ],
    ['peers in words', 'autoscaling: { targetConnections: "70 %" }', /targetConnections: Invalid type/],
    ['more peers than fit', 'autoscaling: { targetConnections: 30000 }', /not below settings.maxConnections/],
    [
      'two kinds of metrics',
      'autoscaling: { targetConnections: 1, metrics: [{ type: Resource }] }',
      /autoscaling.targetConnections: choose one/,
    ],
    ['fewer at most than at least', 'autoscaling: { minReplicas: 5, maxReplicas: 4 }', /maxReplicas is less/],
    ['two kinds of tokens', 'tokens: { lines: [a], existingSecret: b }', /tokens.existingSecret: choose one/],
    ['tokens that are off', 'tokens: { enabled: false, lines: [a] }', /but tokens.enabled is false/],
    ['TURN without its secret', 'ice: { turnUrls: ["turn:a"] }', /ice.turnUrls needs ice.turnSecret/],
    ['guards from nowhere', 'modules: { guards: [a.mjs] }', /need modules.configMap/],
    ['two monitors', '{ podMonitor: { enabled: true }, serviceMonitor: { enabled: true } }', /scrape every node twice/],
    ['a grace period too short', 'terminationGracePeriodSeconds: 54', /10 s: 55 at least/],
    ['a drain too long', 'settings: { drainTimeout: 1m }', /10 s: 85 at least/],
    ['a part that is taken away', 'tls: null', /tls is required/],
    ['a value that is taken away', 'autoscaling: { minReplicas: null }', /autoscaling: minReplicas is required/],
    ['another label for the pods to be found by', 'podLabels: { app.kubernetes.io/name: a }', /podLabels/],
    ...['100', '0', '1.5', '0.999', '-99', '93.9', '99.9999'].map((percent): [string, string, RegExp] => [
      `an objective of ${percent}`,
      `prometheusRule: { objectives: { relay: ${percent} } }`,
      /objectives.relay: Must be (?:greater|less) than or equal to/,
    ]),
    [
      'an objective in words',
      'prometheusRule: { objectives: { relay: "99 %" } }',
      /relay: Invalid type. Expected: number/,
    ],
    ['an objective for something else', 'prometheusRule: { objectives: { latency: 99 } }', /property latency is not/],
    ['no objective', 'prometheusRule: { objectives: { relay: null } }', /objectives: relay is required/],
    ['no map', '- a', /cannot unmarshal array/],
  ])('rejects %s', (_what, values, fault) => {
    const { ok, text } = renderer.render(values);
    expect([ok, text]).toEqual([false, expect.stringMatching(fault)]);
  });
});

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  type?: unknown;
}

describe('the values of the Helm chart', () => {
  const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema;
  const values = readYaml(`${CHART}/values.yaml`);

  it('are those that the schema knows', () => {
    const known = (of: Schema, given: unknown, path: string): string[] =>
      Object.entries(of.properties ?? {}).flatMap(([key, below]) => {
        const value = (given as Record<string, unknown> | undefined)?.[key];
        return value === undefined ? [`${path}${key}`] : known(below, value, `${path}${key}.`);
      });
    // What is empty by default, and what a parent chart sets.
    const unset = known(schema, values, '').filter(
      (path) => !/^(global$|settings\.|nats\.files\.|resources\.)/.test(path),
    );
    expect(unset).toEqual([]);
    expect(Object.keys(values).filter((key) => schema.properties![key] === undefined)).toEqual([]);
  });

  it('may be any setting but secrets and what other values decide', () => {
    const settings = Object.keys(schema.properties!.settings.properties!);
    const comment = /Those that other values decide[^:]*:([^.]*)\./.exec(
      readFileSync(`${CHART}/values.yaml`, 'utf8').replaceAll(/\n# /g, ' '),
    )![1];
    const decided = comment.split(',').map((name) => name.trim());
    const secrets = ['authToken', 'natsToken', 'natsPassword', 'managementToken', 'metricsToken'];
    expect([...settings, ...decided, ...secrets].toSorted()).toEqual([...settingNames].toSorted());
  });

  it('are closed to misspelt keys wherever keys are known', () => {
    const open = (of: Schema, path: string): string[] => [
      ...(of.properties !== undefined && of.additionalProperties !== false ? [path] : []),
      ...Object.entries(of.properties ?? {}).flatMap(([key, below]) => open(below, `${path}.${key}`)),
    ];
    expect(open(schema, 'values')).toEqual([]);
  });
});

it('the chart has the version of the server', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(readYaml(`${CHART}/Chart.yaml`)).toMatchObject({ version, appVersion: version });
});
