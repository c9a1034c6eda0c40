import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseObjects, readManifests } from './manifests.js';
import type { KubernetesObject } from './manifests.js';

interface Step {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

interface Overlay {
  resources: string[];
  configMapGenerator: { name: string; behavior: string; files: string[] }[];
  patches: { target: { kind: string; name: string }; patch: string }[];
}

/** Takes one step of RFC 6902. Throws where there is nothing at the path, as kustomize does. */
function take(object: object, { op, path, value }: Step): void {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop()!;
  const parent = keys.reduce((at, key) => (at as Record<string, object>)[key], object) as Record<string, unknown>;
  if (op !== 'add' && !(last in parent)) throw new Error(`${op}: there is no ${path}`);
  if (op !== 'remove') parent[last] = value;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else Reflect.deleteProperty(parent, last);
}

/** What "kubectl kustomize" makes of an overlay of deploy/kubernetes, apart from the names of generated ConfigMaps. */
export function overlay(name: string): KubernetesObject[] {
  const text = (file: string): string => readFileSync(`deploy/kubernetes/overlays/${name}/${file}`, 'utf8');
  const { resources, configMapGenerator, patches } = parse(text('kustomization.yaml')) as Overlay;
  const [base, ...own] = resources;
  if (base !== '../..') throw new Error(`${name} is no overlay of deploy/kubernetes`);
  const { deployment, service, budget, autoscaler, policy } = readManifests();
  const objects = structuredClone([
    ...([deployment, service, budget, autoscaler, policy] as KubernetesObject[]),
    ...own.flatMap((file) => parseObjects(text(file))),
  ]);
  for (const { target, patch } of patches) {
    const found = objects.filter(({ kind, metadata }) => kind === target.kind && metadata.name === target.name);
    if (found.length !== 1) throw new Error(`${name}: there is no ${target.kind} ${target.name}`);
    for (const step of parse(patch) as Step[]) take(found[0], step);
  }
  const generated = configMapGenerator.map(({ name: of, files }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: of },
    data: Object.fromEntries(files.map((file) => [file, text(file)])),
  }));
  return [...objects, ...generated];
}
