import { readFileSync } from 'node:fs';
import { BlockList, isIPv6 } from 'node:net';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Secret, Service } from 'kubernetes-types/core/v1.js';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.js';
import { parse } from 'yaml';
import type { Kustomization } from './manifests.js';

export const FOLDER = new URL('../../../deploy/turn/', import.meta.url);

const text = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

/** coturn's configuration, by key. */
export interface CoturnConfiguration {
  /** The value of a key that is there once. */
  of(key: string): string | undefined;
  all(key: string): string[];
}

export function readConfiguration(written = text('turnserver.conf')): CoturnConfiguration {
  const entries = written
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('='));
  const all = (key: string): string[] => entries.filter(([name]) => name === key).map(([, value]) => value ?? '');
  return { all, of: (key) => all(key)[0] };
}

/** What relays may not send to. */
export function deniedPeers(ranges: readonly string[]): BlockList {
  const denied = new BlockList();
  for (const range of ranges) {
    const [from, to = from] = range.split('-');
    denied.addRange(from, to, isIPv6(from) ? 'ipv6' : 'ipv4');
  }
  return denied;
}

/** YAML 1.1, as kubectl reads it: 0440 is octal. */
const read = (file: string): unknown => parse(text(file), { version: '1.1' });

export interface TurnManifests {
  kustomization: Kustomization & { patches: { path: string }[] };
  deployment: Deployment;
  service: Service;
  policy: NetworkPolicy;
  secret: Secret;
  patch: Deployment;
}

export function readTurnManifests(): TurnManifests {
  return {
    kustomization: read('kustomization.yaml') as TurnManifests['kustomization'],
    deployment: read('deployment.yaml') as Deployment,
    service: read('service.yaml') as Service,
    policy: read('networkpolicy.yaml') as NetworkPolicy,
    secret: read('secret.example.yaml') as Secret,
    patch: read('cairn-signal.patch.yaml') as Deployment,
  };
}
