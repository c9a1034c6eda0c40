import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Container, PodSpec } from 'kubernetes-types/core/v1.js';
import { readCompose } from '../../support/deploy/compose.js';
import { schemaFaults } from '../../support/deploy/kubernetes-schema.js';
import { readManifests, containerOf } from '../../support/deploy/manifests.js';
import { deployed } from '../../support/deploy/settings.js';
import { deniedPeers, FOLDER, readConfiguration, readTurnManifests } from '../../support/deploy/turn.js';

const configuration = readConfiguration();
const [first, last] = [Number(configuration.of('min-port')), Number(configuration.of('max-port'))];
const [plain, secure] = [configuration.of('listening-port'), configuration.of('tls-listening-port')];

describe('deploy/turn/turnserver.conf', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.254',
    '192.168.1.1',
    '100.64.0.1',
    // Metadata of clouds.
    '169.254.169.254',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    'fd00:ec2::254',
    // What is reserved.
    '0.0.0.0',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::ffff:10.0.0.1',
    'fe80::1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    'ff02::1',
  ])('lets no relay send to %s', (address) => {
    const denied = deniedPeers(configuration.all('denied-peer-ip'));
    expect(denied.check(address, address.includes(':') ? 'ipv6' : 'ipv4')).toBe(true);
  });

  it.each(['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.32.0.1', '223.255.255.254', '2606:4700::1111', '2a00::1'])(
    'lets relays send to %s',
    (address) => {
      const denied = deniedPeers(configuration.all('denied-peer-ip'));
      expect(denied.check(address, address.includes(':') ? 'ipv6' : 'ipv4')).toBe(false);
    },
  );

  it('asks for credentials, limits what a principal has, and opens no door for operators', () => {
    for (const key of ['use-auth-secret', 'no-cli', 'no-tcp-relay', 'no-multicast-peers']) {
      expect([key, configuration.of(key)]).toEqual([key, '']);
    }
    expect(Number(configuration.of('user-quota'))).toBeGreaterThan(0);
    expect(Number(configuration.of('total-quota'))).toBeLessThanOrEqual(last - first + 1);
    expect(configuration.of('static-auth-secret') ?? configuration.of('allow-loopback-peers')).toBeUndefined();
  });
});

describe('compose.yaml, profile turn', () => {
  const { coturn, 'cairn-signal': server } = readCompose('compose.yaml').compose.services;

  it('is not started without the profile', () => {
    expect([coturn.profiles, server.profiles]).toEqual([['turn'], undefined]);
  });

  it('publishes the ports of coturn', () => {
    expect(coturn.ports).toEqual([
      `${plain}:${plain}/udp`,
      `${plain}:${plain}/tcp`,
      `${secure}:${secure}/tcp`,
      `${first}-${last}:${first}-${last}/udp`,
    ]);
  });

  it('shares the secret: one folder, one user', () => {
    const secret = coturn.environment!.TURN_SECRET_FILE;
    expect(server.environment!.CAIRN_SIGNAL_TURN_SECRET_FILE).toBe(secret);
    for (const { volumes = [] } of [coturn, server]) expect(volumes).toContain('./turn:/turn:ro');
    expect(coturn.user).toBe('65532:65532');
    expect(coturn.tmpfs!.every((mount) => mount.endsWith(':uid=65532,gid=65532,mode=0700'))).toBe(true);
  });

  it('runs the script that lies there', () => {
    const path = coturn.entrypoint!.at(-1)!.replace('/etc/coturn/', '');
    expect(coturn.volumes).toContain('./deploy/turn:/etc/coturn:ro');
    expect(existsSync(new URL(path, FOLDER))).toBe(true);
  });
});

describe('deploy/turn for Kubernetes', () => {
  const { kustomization, deployment, service, policy, secret, patch } = readTurnManifests();
  const template = deployment.spec!.template;
  const pod: PodSpec = template.spec!;
  const coturn: Container = pod.containers[0];

  it.each([deployment, service, policy, secret].map((object) => [object.kind!, object] as const))(
    '%s matches the API',
    (_kind, object) => {
      expect(schemaFaults(object)).toEqual([]);
    },
  );

  it('names files that exist, and the server as it is deployed', () => {
    const files = [
      ...kustomization.resources,
      ...kustomization.patches.map(({ path }) => path),
      ...kustomization.configMapGenerator.flatMap(({ files: names }) => names),
    ];
    expect(files.filter((file) => !existsSync(new URL(file, FOLDER)))).toEqual([]);
    const server = readManifests();
    expect(patch.metadata!.name).toBe(server.deployment.metadata!.name);
    expect(patch.spec!.template.spec!.containers[0].name).toBe(containerOf(server).name);
  });

  it('gives the server settings that it takes, and a secret that is mounted', () => {
    const [{ env = [], volumeMounts = [] }] = patch.spec!.template.spec!.containers;
    const server = readManifests();
    const { settings, faults } = deployed({
      args: containerOf(server).args!,
      environment: Object.fromEntries(env.map(({ name, value }) => [name, value])),
      yaml: server.config,
    });
    expect(faults).toEqual([]);
    expect(settings!.turnUrls!.length).toBeGreaterThan(1);
    const [volume] = patch.spec!.template.spec!.volumes!;
    expect(settings!.turnSecretFile).toBe(`${volumeMounts[0].mountPath}/${Object.keys(secret.stringData!)[0]}`);
    expect(volumeMounts[0].name).toBe(volume.name);
    expect(volume.secret).toEqual({ secretName: secret.metadata!.name, defaultMode: 0o440 });
  });

  it('mounts every Secret for the group alone, whole and read-only, and writes to memory alone', () => {
    expect(pod.securityContext!.fsGroup).toBe(pod.securityContext!.runAsGroup);
    for (const { name, secret: of, configMap, emptyDir } of pod.volumes!) {
      const mount = coturn.volumeMounts!.find((one) => one.name === name)!;
      expect([name, mount.subPath, mount.readOnly ?? false]).toEqual([name, undefined, emptyDir === undefined]);
      expect([name, of?.defaultMode ?? 0o440]).toEqual([name, 0o440]);
      expect([name, emptyDir?.medium ?? 'Memory']).toEqual([name, 'Memory']);
      expect([name, configMap?.name ?? kustomization.configMapGenerator[0].name]).toEqual([
        name,
        kustomization.configMapGenerator[0].name,
      ]);
    }
    expect(coturn.volumeMounts!.length).toBe(pod.volumes!.length);
    const variables = Object.fromEntries(coturn.env!.map(({ name, value }) => [name, value]));
    const mounted = coturn.volumeMounts!.map(({ mountPath }) => mountPath);
    for (const name of ['TURN_SECRET_FILE', 'TURN_CERT', 'TURN_KEY']) {
      expect(mounted).toContain(variables[name]!.split('/').slice(0, -1).join('/'));
    }
  });

  it('selects its own pods, and no others', () => {
    const labels = template.metadata!.labels;
    expect(deployment.spec!.selector.matchLabels).toEqual(labels);
    expect(service.spec!.selector).toEqual(labels);
    expect(policy.spec!.podSelector.matchLabels).toEqual(labels);
    expect(labels).not.toEqual(readManifests().deployment.spec!.template.metadata!.labels);
  });

  it('opens the ports of coturn, in container, Service and policy', () => {
    const container = coturn.ports!.map(({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`);
    expect(container).toEqual([`${plain}/UDP`, `${plain}/TCP`, `${secure}/TCP`]);
    expect(policy.spec!.ingress![0].ports!.map(({ port, protocol }) => `${port}/${protocol}`)).toEqual(container);
    const targets = service.spec!.ports!.map(({ targetPort, protocol = 'TCP' }) => {
      const open = coturn.ports!.find(({ name }) => name === targetPort)!;
      return `${open.containerPort}/${open.protocol ?? 'TCP'}/${protocol}`;
    });
    expect(targets).toEqual([`${plain}/UDP/UDP`, `${plain}/TCP/TCP`, `${secure}/TCP/TCP`]);
    expect(service.spec).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
  });

  it('lets relays reach nothing but the pod itself', () => {
    expect(policy.spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'], egress: [] });
    const all = coturn.args!.flatMap((word) => word.match(/(?<=^--denied-peer-ip=).*/) ?? []);
    const denied = deniedPeers(all);
    expect([denied.check('1.1.1.1'), denied.check('2606:4700::1111', 'ipv6')]).toEqual([true, true]);
    expect(coturn.args!.filter((word) => word.startsWith('--allowed-peer-ip'))).toEqual([
      '--allowed-peer-ip=$(POD_IP)',
    ]);
    // Two peers on two pods could not reach each other.
    expect([deployment.spec!.replicas, deployment.spec!.strategy!.type]).toEqual([1, 'Recreate']);
  });

  it('runs apart from its machine, with the one capability without which the binary does not start', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(pod.hostNetwork).toBeUndefined();
    expect(coturn.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    });
    expect(coturn.image).toMatch(/:\d+\.\d+\.\d+-alpine$/);
    expect(coturn.image).toBe(readCompose('compose.yaml').compose.services.coturn.image);
  });

  it('has an example Secret that neither side takes', () => {
    const lines = secret.stringData!.secret.split('\n').filter((line) => /^[!-~]{32,}$/.test(line));
    expect([lines, secret.stringData!.secret.split('\n')[0]]).toEqual([[], expect.stringMatching(/^#.* /)]);
  });
});
