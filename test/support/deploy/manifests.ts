import { readdirSync, readFileSync } from 'node:fs';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Container, PodSpec, Secret, Service } from 'kubernetes-types/core/v1.js';
import type { Ingress, NetworkPolicy } from 'kubernetes-types/networking/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import { parseAllDocuments } from 'yaml';

const FOLDER = new URL('../../../deploy/kubernetes/', import.meta.url);

export interface Kustomization {
  resources: string[];
  configMapGenerator: { name: string; files: string[] }[];
  images: { name: string; newName?: string; newTag?: string; digest?: string }[];
}

/** A route of the Gateway API, of which there are no published types. */
export interface HttpRoute {
  spec: {
    parentRefs: { name: string; sectionName?: string }[];
    hostnames?: string[];
    rules: {
      matches?: { path?: { type?: string; value?: string } }[];
      timeouts?: { request?: string; backendRequest?: string };
      backendRefs: { name: string; port: number }[];
    }[];
  };
}

/** What runs nodes in Kubernetes. Plain objects, so that a test may change one and see what the rules say. */
export interface Manifests {
  deployment: Deployment;
  service: Service;
  budget?: PodDisruptionBudget | undefined;
  autoscaler?: HorizontalPodAutoscaler | undefined;
  policy?: NetworkPolicy | undefined;
  ingress?: Ingress | undefined;
  route?: HttpRoute | undefined;
  /** The text of the file of settings. */
  config: string;
  /** The keys of each ConfigMap and Secret that pods may mount, by its name. */
  contents: Record<string, readonly string[]>;
}

/** Everything in deploy/kubernetes. */
export interface Kustomized extends Manifests {
  budget: PodDisruptionBudget;
  autoscaler: HorizontalPodAutoscaler;
  policy: NetworkPolicy;
  secret: Secret;
  kustomization: Kustomization;
  /** Names of the YAML files. */
  files: string[];
}

/** Any object of the API, as YAML gives it. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

const text = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

/** The objects of a text of YAML: version 1.1, as kubectl reads it, in which 0440 is octal. */
export const parseObjects = (yaml: string): KubernetesObject[] =>
  parseAllDocuments(yaml, { version: '1.1' })
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);

/**
 * Finds the parts of a list of objects by kind. Of several of a kind, those of the nodes have the Deployment's name.
 * @param existing the keys of ConfigMaps and Secrets that are not in the list and are there nevertheless
 */
export function manifestsOf(
  objects: readonly KubernetesObject[],
  existing: Record<string, readonly string[]> = {},
): Manifests {
  const name = objects.find(
    ({ kind, metadata: { labels } }) => kind === 'Deployment' && labels?.['app.kubernetes.io/name'] === 'cairn-signal',
  )?.metadata.name;
  const find = (wanted: string): KubernetesObject | undefined =>
    objects.find(({ kind, metadata }) => kind === wanted && metadata.name === name);
  const mountable = objects.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret');
  return {
    deployment: find('Deployment') as Deployment,
    service: find('Service') as Service,
    budget: find('PodDisruptionBudget') as PodDisruptionBudget | undefined,
    autoscaler: find('HorizontalPodAutoscaler') as HorizontalPodAutoscaler | undefined,
    policy: find('NetworkPolicy') as NetworkPolicy | undefined,
    ingress: find('Ingress') as Ingress | undefined,
    route: find('HTTPRoute') as unknown as HttpRoute | undefined,
    config: find('ConfigMap')?.data?.['cairn-signal.yaml'] ?? '',
    contents: {
      ...existing,
      ...Object.fromEntries(
        mountable.map(({ metadata, data, stringData }) => [metadata.name, Object.keys({ ...data, ...stringData })]),
      ),
    },
  };
}

/** A Secret of type kubernetes.io/tls has these keys. */
export const TLS_KEYS = ['tls.crt', 'tls.key'];

export function readManifests(): Kustomized {
  const [kustomization] = parseObjects(text('kustomization.yaml')) as unknown as Kustomization[];
  const [secret] = parseObjects(text('secret.example.yaml'));
  const generated = kustomization.configMapGenerator.map(({ name, files }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: Object.fromEntries(files.map((file) => [file, text(file)])),
  }));
  const objects = kustomization.resources.flatMap((file) => parseObjects(text(file)));
  return {
    ...(manifestsOf([...objects, ...generated], {
      'cairn-signal-tls': TLS_KEYS,
      // nats.creds may be added.
      [secret.metadata.name]: [...Object.keys(secret.stringData ?? {}), 'nats.creds'],
    }) as Kustomized),
    secret: secret as Secret,
    kustomization,
    files: readdirSync(FOLDER)
      .filter((file) => file.endsWith('.yaml'))
      .toSorted(),
  };
}

/** The objects that the API server gets. */
export const objects = ({ deployment, service, budget, autoscaler, policy, secret }: Kustomized): object[] => [
  deployment,
  service,
  budget,
  autoscaler,
  policy,
  secret,
];

export const podOf = ({ deployment }: Manifests): PodSpec => deployment.spec!.template.spec!;
export const containerOf = (manifests: Manifests): Container => podOf(manifests).containers[0];
