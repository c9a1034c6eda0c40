import type { Probe } from 'kubernetes-types/core/v1.js';
import type { LabelSelector } from 'kubernetes-types/meta/v1.js';
import { parse } from 'yaml';
import type { DeployedSettings } from './settings.js';
import { containerOf, podOf } from './manifests.js';
import type { Kustomized, Manifests } from './manifests.js';
import { deployed } from './settings.js';

/** What a manifest must satisfy that no schema says. Each rule returns the faults that it finds, one sentence each. */
export type Rule<M extends Manifests = Manifests> = (manifests: M) => string[];

/** Of `[is it wrong, what is]` pairs, returns what is wrong. */
const wrong = (...checks: readonly (readonly [boolean, string])[]): string[] =>
  checks.filter(([is]) => is).map(([, fault]) => fault);

/** Seconds that a node needs besides its drain to end in order. */
const SLACK = 10;

const configOf = ({ config }: Manifests): Record<string, unknown> => parse(config) as Record<string, unknown>;

const started = (manifests: Manifests): ReturnType<typeof deployed> => {
  const { args = [], env = [] } = containerOf(manifests);
  return deployed({
    args,
    environment: Object.fromEntries(env.map(({ name, value }) => [name, value])),
    yaml: manifests.config,
  });
};

/** The settings, for rules about them. Another rule checks that they load. */
function withSettings(manifests: Manifests, rule: (settings: DeployedSettings) => string[]): string[] {
  const { settings } = started(manifests);
  return settings === undefined ? ['the settings do not load'] : rule(settings);
}

const settings: Rule = (manifests) => [...started(manifests).faults];

const files: Rule<Kustomized> = ({
  files: present,
  kustomization: { resources, configMapGenerator, images },
  deployment,
}) => {
  const used = [...resources, ...configMapGenerator.flatMap((generator) => generator.files)];
  const image = deployment.spec!.template.spec!.containers[0].image!;
  const chosen = images.find(({ name }) => image.replace(/:[\w.-]+$/, '') === name);
  return [
    ...used
      .filter((file) => !present.includes(file))
      .map((file) => `kustomization.yaml names ${file}, which does not exist`),
    ...present
      .filter((file) => !used.includes(file) && file !== 'kustomization.yaml' && !file.endsWith('.example.yaml'))
      .map((file) => `kustomization.yaml leaves out ${file}`),
    ...resources
      .filter((file) => file.endsWith('.example.yaml'))
      .map((file) => `${file} is an example, not to be applied`),
    ...wrong(
      [chosen === undefined, `kustomization.yaml chooses no image for ${image}`],
      [chosen !== undefined && (chosen.newTag ?? chosen.digest ?? 'latest') === 'latest', 'the image has no fixed tag'],
    ),
  ];
};

const selectors: Rule = ({ deployment, service, budget, autoscaler, policy }) => {
  const { selector, template } = deployment.spec!;
  const labels = template.metadata?.labels ?? {};
  const matches = ({ matchLabels = {} }: LabelSelector = {}): boolean =>
    Object.keys(matchLabels).length > 0 && Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
  const target = autoscaler?.spec!.scaleTargetRef;
  return wrong(
    [!matches(selector), 'the Deployment does not select its own pods'],
    [!matches({ matchLabels: service.spec!.selector ?? {} }), 'the Service selects no pods'],
    [budget !== undefined && !matches(budget.spec!.selector), 'the PodDisruptionBudget selects no pods'],
    [policy !== undefined && !matches(policy.spec!.podSelector), 'the NetworkPolicy selects no pods'],
    [
      !(template.spec!.topologySpreadConstraints ?? []).every(({ labelSelector }) => matches(labelSelector)),
      'a spread constraint counts other pods',
    ],
    [
      target !== undefined &&
        (target.apiVersion !== deployment.apiVersion ||
          target.kind !== deployment.kind ||
          target.name !== deployment.metadata?.name),
      'the HorizontalPodAutoscaler scales something else',
    ],
  );
};

const probesOf = (manifests: Manifests): [string, Probe | undefined][] => {
  const { startupProbe, livenessProbe, readinessProbe } = containerOf(manifests);
  return [
    ['startup', startupProbe],
    ['liveness', livenessProbe],
    ['readiness', readinessProbe],
  ];
};

const ports: Rule = (manifests) => {
  const { ports: open = [] } = containerOf(manifests);
  const exists = (port: number | string | undefined): boolean =>
    open.some(({ name, containerPort }) => port === name || port === containerPort);
  return withSettings(manifests, ({ listenAddr, managementAddr }) => [
    ...[listenAddr, ...(managementAddr === undefined ? [] : [managementAddr])].flatMap(({ host, port }) =>
      wrong(
        [!exists(port), `the server listens on ${port}, which is no port of the container`],
        [host !== '0.0.0.0', `the server does not listen on all addresses at ${port}`],
      ),
    ),
    ...open
      .filter(({ containerPort }) => ![listenAddr.port, managementAddr?.port].includes(containerPort))
      .map(({ containerPort }) => `nobody listens on the container's port ${containerPort}`),
    ...wrong([new Set(open.map(({ name }) => name)).size < open.length, 'two ports have one name']),
    ...manifests.service
      .spec!.ports!.filter(({ targetPort, port: own }) => !exists(targetPort ?? own))
      .map(({ targetPort }) => `the Service's targetPort ${targetPort} is no port of the container`),
    ...probesOf(manifests)
      .filter(([, probe]) => !exists(probe?.httpGet?.port))
      .map(([name, probe]) => `the ${name} probe's port ${probe?.httpGet?.port} is no port of the container`),
  ]);
};

/** The management address asks for no token: finds what leads to it and should not. */
const management: Rule = (manifests) => {
  const { ports: open = [] } = containerOf(manifests);
  const numberOf = (port: number | string | undefined): number | undefined =>
    open.find(({ name, containerPort }) => port === name || port === containerPort)?.containerPort;
  const { ingress = [] } = manifests.policy?.spec ?? {};
  return withSettings(manifests, ({ managementAddr }) => {
    if (managementAddr === undefined) return ['nobody can see how the nodes are'];
    const ways = ingress.filter(
      ({ ports: allowed = [] }) =>
        allowed.length === 0 || allowed.some(({ port }) => numberOf(port) === managementAddr.port),
    );
    const places = ways.flatMap(({ from = [{}] }) =>
      from.map(({ namespaceSelector }) => namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name']),
    );
    return wrong(
      [
        open.find(({ containerPort }) => containerPort === managementAddr.port)?.name !== 'management',
        'Prometheus does not find the management port by its name',
      ],
      [
        manifests.service.spec!.ports!.some(
          ({ targetPort, port }) => numberOf(targetPort ?? port) === managementAddr.port,
        ),
        'the Service leads to the management port',
      ],
      [
        probesOf(manifests).some(([, probe]) => numberOf(probe?.httpGet?.port) === managementAddr.port),
        'a probe asks where no peer does',
      ],
      [manifests.policy !== undefined && places.length === 0, 'the NetworkPolicy keeps Prometheus out'],
      [places.includes(undefined), 'the NetworkPolicy lets anyone to the management port'],
    );
  });
};

/** `paths`: the paths that the server answers, by what they tell. */
export const probes =
  (paths: { live: string; ready: string }): Rule =>
  (manifests) =>
    withSettings(manifests, ({ tlsCert }) => {
      const scheme = tlsCert === undefined ? 'HTTP' : 'HTTPS';
      return probesOf(manifests).flatMap(([name, probe]) => {
        const path = name === 'readiness' ? paths.ready : paths.live;
        const { path: asked, scheme: by = 'HTTP' } = probe?.httpGet ?? {};
        return wrong(
          [asked !== path, `the ${name} probe asks ${asked}, not ${path}`],
          [by !== scheme, `the ${name} probe asks by ${by}, the server answers by ${scheme}`],
        );
      });
    });

const mounts: Rule = (manifests) => {
  const { volumes = [] } = podOf(manifests);
  const { volumeMounts = [], args = [] } = containerOf(manifests);
  const contents = (name: string): readonly string[] => {
    const volume = volumes.find((one) => one.name === name);
    return manifests.contents[volume?.configMap?.name ?? volume?.secret?.secretName ?? ''] ?? [];
  };
  const mounted = new Set(
    volumeMounts.flatMap(({ name, mountPath }) => contents(name).map((key) => `${mountPath}/${key}`)),
  );
  const paths = Object.entries(configOf(manifests))
    .filter(([name]) =>
      /^(tlsCert|tlsKey|authTokenFile|natsCreds|natsTls\w+|turnSecretFile|guards|topicPolicy|iceProvider)$/.test(name),
    )
    .flatMap(([name, value]) => [value].flat().map((path) => [name, path] as const));
  const config = args[args.indexOf('--config') + 1];
  return [
    ...volumeMounts
      .filter(({ name }) => !volumes.some((volume) => volume.name === name))
      .map(({ name }) => `volume ${name} is mounted and does not exist`),
    ...volumes
      .filter(({ name }) => !volumeMounts.some((mount) => mount.name === name))
      .map(({ name }) => `volume ${name} is not mounted`),
    ...volumes
      .filter(({ name }) => contents(name).length === 0)
      .map(({ name }) => `volume ${name} is of a ConfigMap or Secret that does not exist`),
    ...volumeMounts
      .filter(({ subPath, readOnly }) => subPath !== undefined || readOnly !== true)
      .map(({ name }) => `volume ${name} is mounted writable, or by subPath and so never read again`),
    ...volumes
      .filter(({ secret: of }) => of !== undefined && ((of.defaultMode ?? 0o644) & 0o077) !== 0o040)
      .map(({ name }) => `volume ${name} is not for the server's group alone`),
    ...paths
      .filter(([, path]) => !mounted.has(String(path)))
      .map(([name, path]) => `${name}: there is no ${String(path)}`),
    ...wrong(
      [!mounted.has(config), `--config: there is no ${config}`],
      [
        podOf(manifests).securityContext?.fsGroup !== podOf(manifests).securityContext?.runAsGroup,
        'the Secrets belong to another group than the server',
      ],
    ),
  ];
};

/** Finds an example that would let somebody in if it were applied unchanged. */
const example: Rule<Kustomized> = ({ secret: { stringData = {}, data = {} } }) =>
  [...Object.values(stringData), ...Object.values(data)]
    .flatMap((text) => text.split('\n'))
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(() => 'the example Secret holds a token that everyone knows');

const grace: Rule = (manifests) => {
  const { terminationGracePeriodSeconds = 30 } = podOf(manifests);
  const { readinessProbe, lifecycle } = containerOf(manifests);
  const { periodSeconds = 10, failureThreshold = 3 } = readinessProbe ?? {};
  return withSettings(manifests, ({ drainDelay, drainTimeout }) =>
    wrong(
      [
        terminationGracePeriodSeconds * 1000 < drainDelay + drainTimeout + SLACK * 1000,
        'the grace period ends before the drain does',
      ],
      [
        drainDelay <= periodSeconds * failureThreshold * 1000,
        'drain-delay ends before the pod is known not to be ready',
      ],
      [lifecycle?.preStop !== undefined, 'a preStop hook delays the drain a second time'],
    ),
  );
};

const security: Rule = (manifests) => {
  const pod = podOf(manifests);
  const { securityContext: container } = containerOf(manifests);
  const context = pod.securityContext;
  return wrong(
    [context?.runAsNonRoot !== true || context.runAsUser !== 65_532, 'the pod does not run as user 65532'],
    [(context?.seccompProfile ?? container?.seccompProfile)?.type !== 'RuntimeDefault', 'there is no seccomp profile'],
    [container?.readOnlyRootFilesystem !== true, 'the root file system can be written'],
    [container?.allowPrivilegeEscalation !== false, 'privileges can grow'],
    [
      container?.capabilities?.drop?.includes('ALL') !== true || container.capabilities.add !== undefined,
      'there are capabilities',
    ],
    [
      container?.privileged === true ||
        pod.hostNetwork === true ||
        pod.hostPID === true ||
        container?.runAsUser !== undefined,
      'the container is not apart from its machine',
    ],
    [pod.automountServiceAccountToken !== false, "the API server's token is mounted"],
    [pod.enableServiceLinks !== false, 'addresses of Services become variables'],
  );
};

const rollout: Rule = (manifests) => {
  const {
    deployment: { spec },
    service,
    budget,
    autoscaler,
  } = manifests;
  const { minReplicas = 1, maxReplicas = 1, behavior } = autoscaler?.spec ?? {};
  const { maxUnavailable, maxSurge } = spec?.strategy?.rollingUpdate ?? {};
  const spread = new Set((spec?.template.spec?.topologySpreadConstraints ?? []).map(({ topologyKey }) => topologyKey));
  const down = behavior?.scaleDown;
  const most = autoscaler === undefined ? (spec?.replicas ?? 1) : maxReplicas;
  const scaling =
    autoscaler === undefined
      ? wrong([spec?.replicas === undefined, 'nobody says how many pods there are'])
      : wrong(
          [spec?.replicas !== undefined, 'every apply undoes what the HorizontalPodAutoscaler chose'],
          [minReplicas < 3 || maxReplicas <= minReplicas, 'there are fewer than 3 pods, or never more'],
          [
            (down?.stabilizationWindowSeconds ?? 300) < 600 ||
              !down?.policies?.every(
                ({ type, value, periodSeconds }) => type === 'Pods' && value === 1 && periodSeconds >= 300,
              ),
            'scaling down is hasty',
          ],
        );
  return [
    ...scaling,
    ...wrong(
      [maxUnavailable !== 0 || maxSurge === 0, 'an update takes a pod before there is a new one'],
      [most > 1 && budget?.spec!.maxUnavailable !== 1, 'more than one pod may be evicted at once, or none'],
      [most > 1 && configOf(manifests).natsUrl === undefined, 'peers of different pods do not meet'],
      [!spread.has('kubernetes.io/hostname') || !spread.has('topology.kubernetes.io/zone'), 'pods are not spread'],
      [service.spec!.sessionAffinity === 'ClientIP', 'the Service is sticky'],
      [
        service.spec!.type === 'LoadBalancer' && service.spec!.externalTrafficPolicy !== 'Local',
        'peers lose their addresses',
      ],
    ),
  ];
};

const BYTES: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

const bytes = (quantity: unknown): number => {
  const [, digits, unit] = /^(\d+)(Ki|Mi|Gi)$/.exec(String(quantity)) ?? [];
  return Number(digits) * BYTES[unit];
};

/** The memory that a node may take, in bytes; NaN if nothing is said. */
export function memoryOf(manifests: Manifests): { readonly heap: number; readonly limit: number } {
  const { resources: of, env = [] } = containerOf(manifests);
  const options = env.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
  return { heap: Number(/--max-old-space-size=(\d+)/.exec(options)?.[1]) * BYTES.Mi, limit: bytes(of?.limits?.memory) };
}

const resources: Rule = (manifests) => {
  const { resources: { requests } = {} } = containerOf(manifests);
  const { heap, limit } = memoryOf(manifests);
  const scaled = manifests.autoscaler?.spec!.metrics?.some(
    ({ resource }) => resource?.name === 'cpu' && resource.target.type === 'Utilization',
  );
  return withSettings(manifests, ({ maxBufferedTotalBytes, maxUnfinishedTotalBytes }) =>
    wrong(
      // 128 MiB for the process itself: "Sizing" in docs/operations.md.
      [
        !(heap + maxBufferedTotalBytes + maxUnfinishedTotalBytes + 128 * BYTES.Mi <= limit),
        'heap and buffers do not fit the memory limit',
      ],
      [bytes(requests?.memory) !== limit, 'the memory of the limit is not reserved'],
      [
        manifests.autoscaler !== undefined && (scaled !== true || requests?.cpu === undefined),
        'the HorizontalPodAutoscaler has no share of CPU to go by',
      ],
    ),
  );
};

/** Where a NATS server is: a namespace, or undefined for the namespace of the nodes, or outside. */
function placeOf({ hostname }: URL): { namespace: string | undefined; outside: boolean } {
  const [, namespace, svc] = hostname.split('.');
  return { namespace, outside: namespace !== undefined && svc !== 'svc' };
}

const network: Rule = (manifests) => {
  if (manifests.policy === undefined) return [];
  const { policyTypes = [], ingress = [], egress = [] } = manifests.policy.spec!;
  const { natsUrl, jwtIssuer } = configOf(manifests) as { natsUrl?: string; jwtIssuer?: unknown };
  const servers = natsUrl === undefined ? [] : natsUrl.split(',').map((url) => new URL(url));
  const { settings: of } = started(manifests);
  const everyone = ingress.filter(({ from }) => from === undefined);
  const allowed = egress.flatMap(({ to = [], ports: open = [] }) =>
    open.map(({ port, protocol }) => ({ port, protocol, to })),
  );
  const reach = (wanted: number, protocol: string, where: string | undefined, outside = false): boolean =>
    allowed.some(
      ({ port, protocol: by, to }) =>
        port === wanted &&
        by === protocol &&
        to.some(({ namespaceSelector, podSelector, ipBlock }) =>
          outside
            ? ipBlock !== undefined
            : (namespaceSelector !== undefined || podSelector !== undefined) &&
              namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'] === where,
        ),
    );
  const known = new Set([53, ...servers.map(({ port }) => Number(port)), ...(jwtIssuer === undefined ? [] : [443])]);
  return wrong(
    [
      !policyTypes.includes('Ingress') || !policyTypes.includes('Egress'),
      'the NetworkPolicy leaves one direction open',
    ],
    [
      everyone.length !== 1 || everyone[0].ports?.length !== 1 || everyone[0].ports[0].port !== of?.listenAddr.port,
      'peers are not let in from everywhere, or not to their port alone',
    ],
    [!reach(53, 'UDP', 'kube-system') || !reach(53, 'TCP', 'kube-system'), 'nodes cannot ask DNS'],
    [
      !servers.every((url) => reach(Number(url.port), 'TCP', placeOf(url).namespace, placeOf(url).outside)),
      'nodes cannot reach NATS',
    ],
    [
      egress.some(({ to = [], ports: open = [] }) => to.length === 0 || open.length === 0) ||
        allowed.some(({ port }) => !known.has(Number(port))),
      'nodes reach more than DNS and NATS',
    ],
  );
};

/** What is in front of the nodes leads to them, for hosts of its own, and they trust it; if nothing is, they trust nobody. */
const routes: Rule = (manifests) => {
  const { ingress, route, service } = manifests;
  const { rules = [], tls = [] } = ingress?.spec ?? {};
  const hosts = new Set(rules.map(({ host }) => host));
  const backends = rules.flatMap(({ http }) => http?.paths.map(({ backend }) => backend.service) ?? []);
  const open = service.spec!.ports!;
  return withSettings(manifests, ({ trustedProxies, proxyProtocol }) => {
    const trusts = (trustedProxies ?? []).length > 0;
    return wrong(
      [ingress !== undefined && route !== undefined, 'an Ingress and a route are in front of the nodes'],
      [
        ingress !== undefined && (hosts.size === 0 || hosts.has(undefined) || hosts.has('')),
        'the Ingress takes requests for any host',
      ],
      [route !== undefined && (route.spec.hostnames ?? []).length === 0, 'the route takes requests for any host'],
      [
        backends.length < rules.length ||
          backends.some(
            (backend) =>
              backend?.name !== service.metadata!.name || !open.some(({ name }) => name === backend?.port?.name),
          ),
        'the Ingress leads nowhere',
      ],
      [
        route?.spec.rules.some(
          ({ backendRefs: to }) =>
            to.length === 0 ||
            to.some(({ name, port }) => name !== service.metadata!.name || !open.some((one) => one.port === port)),
        ) === true,
        'the route leads nowhere',
      ],
      [tls.some(({ hosts: of = [] }) => of.some((host) => !hosts.has(host))), 'a certificate is for no host'],
      [ingress !== undefined && !trusts, 'the Ingress is not trusted to say where a peer is'],
      [route !== undefined && !trusts, 'the Gateway is not trusted to say where a peer is'],
      [
        ingress === undefined && route === undefined && trusts && !proxyProtocol,
        'peers are trusted to say where they are',
      ],
    );
  });
};

const NGINX = 'nginx.ingress.kubernetes.io/';
const TRAEFIK = 'traefik.ingress.kubernetes.io/';
/** Milliseconds that Traefik keeps a connection to a node for reuse: idleConnTimeout. */
const TRAEFIK_KEEPS = 90_000;

/** What is in front keeps connections as long as the nodes do, on every path, and takes no peers in plaintext. */
const front: Rule = (manifests) => {
  const { ingress, route } = manifests;
  const notes = ingress?.metadata?.annotations ?? {};
  const about = (prefix: string): boolean => Object.keys(notes).some((name) => name.startsWith(prefix));
  const paths = [
    ...(ingress?.spec!.rules ?? []).flatMap(({ http }) =>
      (http?.paths ?? []).map(({ path, pathType }) => `${pathType} ${path}`),
    ),
    ...(route?.spec.rules ?? []).flatMap(({ matches = [] }) =>
      matches.map(({ path }) => `${path?.type?.replace('Path', '')} ${path?.value}`),
    ),
  ];
  const never = (time: string | undefined): boolean => time === undefined || /^0m?s$/.test(time);
  return withSettings(manifests, ({ pingInterval, pongTimeout, tlsCert, keepAliveTimeout }) => [
    ...wrong([paths.some((path) => path !== 'Prefix /'), 'not all paths lead to the nodes as they are']),
    ...(about(NGINX)
      ? [
          ...['proxy-read-timeout', 'proxy-send-timeout']
            // A node looks for the answer to a ping after pong-timeout, and only then waits again. ingress-nginx has 60 s.
            .filter((name) => !(Number(notes[NGINX + name] ?? 60) * 1000 > pingInterval + pongTimeout))
            .map((name) => `${name} is not longer than ping-interval and pong-timeout together`),
          ...wrong(
            [
              !['error', 'timeout', 'http_503'].every((when) =>
                notes[`${NGINX}proxy-next-upstream`]?.split(' ').includes(when),
              ),
              'peers that reach a node which stops are not sent to the next one',
            ],
            [notes[`${NGINX}force-ssl-redirect`] !== 'true', 'ingress-nginx takes peers in plaintext'],
            [
              (notes[`${NGINX}backend-protocol`] ?? 'HTTP') !== (tlsCert === undefined ? 'HTTP' : 'HTTPS'),
              'ingress-nginx and the nodes do not speak the same protocol',
            ],
          ),
        ]
      : []),
    ...(about(TRAEFIK)
      ? wrong(
          [
            ['web', undefined].includes(notes[`${TRAEFIK}router.entrypoints`]) ||
              notes[`${TRAEFIK}router.tls`] !== 'true',
            'Traefik takes peers in plaintext',
          ],
          [
            tlsCert !== undefined &&
              manifests.service.metadata?.annotations?.[`${TRAEFIK}service.serversscheme`] !== 'https',
            'Traefik and the nodes do not speak the same protocol',
          ],
          [
            tlsCert === undefined && keepAliveTimeout <= TRAEFIK_KEEPS,
            'Traefik reuses connections that nodes have closed',
          ],
        )
      : []),
    ...wrong(
      [
        route?.spec.rules.some(({ timeouts = {} }) => !never(timeouts.request) || !never(timeouts.backendRequest)) ===
          true,
        'the Gateway ends connections that last',
      ],
      [
        route?.spec.parentRefs.some(({ name }) => name === '') === true || route?.spec.parentRefs.length === 0,
        'the route is at no Gateway',
      ],
    ),
  ]);
};

/** Peers per node above which there are to be more nodes: cairn-signal's own metric, and within a node's limit. */
const scaling: Rule = (manifests) => {
  const asked = (manifests.autoscaler?.spec!.metrics ?? []).flatMap(({ pods }) => pods ?? []);
  return withSettings(manifests, ({ maxConnections }) =>
    asked.flatMap(({ metric, target }) =>
      wrong(
        [metric.name !== 'cairn_signal_connections', `no node has the metric ${metric.name}`],
        [target.type !== 'AverageValue', 'the target is not one of each node'],
        [!(Number(target.averageValue) > 0), 'the target is no number of peers'],
        [Number(target.averageValue) > 0.8 * maxConnections, 'nodes are full before there are more'],
      ),
    ),
  );
};

/** All rules for nodes except `probes`, which needs the paths. */
export const RULES = {
  settings,
  selectors,
  ports,
  management,
  mounts,
  grace,
  security,
  rollout,
  resources,
  network,
  routes,
  front,
  scaling,
} satisfies Record<string, Rule>;

/** What only deploy/kubernetes must satisfy. */
export const KUSTOMIZE_RULES = { files, example } satisfies Record<string, Rule<Kustomized>>;
