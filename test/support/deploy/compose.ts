import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Environment } from '../../../src/config/environment.js';

/** The repository, which has the compose files and which their paths are relative to. */
export const ROOT = new URL('../../../', import.meta.url);

export interface ComposeService {
  profiles?: string[];
  build?: string;
  image?: string;
  user?: string;
  entrypoint?: string[];
  command?: string[];
  environment?: Environment;
  networks?: string[];
  depends_on?: string[];
  ports?: string[];
  volumes?: string[];
  ulimits?: { nofile?: number };
  healthcheck?: { test?: string[] };
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  cap_add?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
}

export interface Compose {
  services: Record<string, ComposeService>;
  networks?: Record<string, { internal?: boolean; ipam?: { config: { subnet: string }[] } }>;
}

/** A compose file with the configuration of its proxy, if it has one. A plain object, so that a test may change it. */
export interface Deployment {
  compose: Compose;
  proxy: string;
}

/** What .env would contain. */
const DOT_ENV: Environment = {
  CAIRN_SIGNAL_AUTH_TOKEN: 'peers-token',
  CAIRN_SIGNAL_NATS_TOKEN: 'bus-token',
  CAIRN_SIGNAL_TURN_URLS: 'turn:signal.example.com?transport=udp,turns:signal.example.com:5349',
  CAIRN_SIGNAL_TURN_SECRET_FILE: '/turn/secret',
  TURN_EXTERNAL_IP: '198.51.100.7',
};

const text = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8');

/** Replaces `${NAME:?message}` and `${NAME:-}` as Compose does. */
const interpolated = (written: string): string =>
  written.replaceAll(/\$\{(\w+):(?:\?[^}]+|-)\}/g, (whole, name: string) => DOT_ENV[name] ?? whole);

/** A variable without a value has that of .env. */
const passedOn = (services: Record<string, ComposeService>): Record<string, ComposeService> =>
  Object.fromEntries(
    Object.entries(services).map(([name, { environment, ...service }]) => [
      name,
      {
        ...service,
        ...(environment && {
          environment: Object.fromEntries(
            Object.entries(environment).map(([variable, value]) => [variable, value ?? DOT_ENV[variable]]),
          ),
        }),
      },
    ]),
  );

export function readCompose(file: string, proxy?: string): Deployment {
  const {
    services,
    networks = {},
    ...rest
  } = parse(interpolated(text(file)), { merge: true }) as Compose & Record<string, unknown>;
  const unknown = Object.keys(rest).filter((key) => !key.startsWith('x-'));
  if (unknown.length > 0) throw new Error(`${file}: there is no ${unknown.join()} in a compose file`);
  // Through JSON, so that each service has its own copy of what services share by an alias: a test changes one of them.
  return {
    compose: JSON.parse(JSON.stringify({ services: passedOn(services), networks })) as Compose,
    proxy: proxy === undefined ? '' : text(proxy),
  };
}

/** The services that run our image. */
export const nodesOf = ({ services }: Compose): [string, ComposeService][] =>
  Object.entries(services).filter(([, { image }]) => image === 'cairn-signal');
export const natsOf = ({ services }: Compose): [string, ComposeService][] =>
  Object.entries(services).filter(([, { image }]) => image?.startsWith('nats:') === true);
