import { readdirSync, readFileSync } from 'node:fs';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Container, PodSpec, Secret, Service } from 'kubernetes-types/core/v1.js';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import { parse } from 'yaml';

const FOLDER = new URL('../../../deploy/kubernetes/', import.meta.url);

export interface Kustomization {
  resources: string[];
  configMapGenerator: { name: string; files: string[] }[];
  images: { name: string; newName?: string; newTag?: string; digest?: string }[];
}

/** Everything in deploy/kubernetes. Plain objects, so that a test may change one and see what the rules say. */
export interface Manifests {
  /** Names of the YAML files. */
  files: string[];
  kustomization: Kustomization;
  deployment: Deployment;
  service: Service;
  budget: PodDisruptionBudget;
  autoscaler: HorizontalPodAutoscaler;
  policy: NetworkPolicy;
  secret: Secret;
  /** The text of cairn-signal.yaml. */
  config: string;
}

const text = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

/** YAML 1.1, as kubectl reads it: 0440 is octal. */
const read = (file: string): unknown => parse(text(file), { version: '1.1' });

export function readManifests(): Manifests {
  return {
    files: readdirSync(FOLDER)
      .filter((file) => file.endsWith('.yaml'))
      .toSorted(),
    kustomization: read('kustomization.yaml') as Kustomization,
    deployment: read('deployment.yaml') as Deployment,
    service: read('service.yaml') as Service,
    budget: read('poddisruptionbudget.yaml') as PodDisruptionBudget,
    autoscaler: read('horizontalpodautoscaler.yaml') as HorizontalPodAutoscaler,
    policy: read('networkpolicy.yaml') as NetworkPolicy,
    secret: read('secret.example.yaml') as Secret,
    config: text('cairn-signal.yaml'),
  };
}

/** The objects that the API server gets. */
export const objects = ({ deployment, service, budget, autoscaler, policy, secret }: Manifests): object[] => [
  deployment,
  service,
  budget,
  autoscaler,
  policy,
  secret,
];

export const podOf = ({ deployment }: Manifests): PodSpec => deployment.spec!.template.spec!;
export const containerOf = (manifests: Manifests): Container => podOf(manifests).containers[0];
