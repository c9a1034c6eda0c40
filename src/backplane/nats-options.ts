import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import type { NodeConnectionOptions, Server } from '@nats-io/transport-node';
import { orStartupError } from '../config/faults.js';
import { readSettingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import { natsAuthenticator } from './nats-credentials.js';

/** How long an attempt to connect may take. */
const CONNECT_TIMEOUT_MS = 1500;
/** Wait between two attempts, before jitter. */
const RETRY_MS = 500;
const RETRY_JITTER_MS = 500;
/** RoundTrips gives up a connection that does not answer long before the client does. */
const PING_INTERVAL_MS = 60_000;

/** Turns the settings into options of the NATS client. Throws a StartupError that names the setting at fault. */
export function natsOptions(settings: Settings): NodeConnectionOptions {
  const { natsUrl = [] } = settings;
  const authenticator = natsAuthenticator(settings);
  const secure = secureOptions(settings) ?? (natsUrl.some(({ tls }) => tls) ? {} : undefined);
  /** The server that is being connected to. */
  let dialed: Server | undefined;
  const identity = {
    // The client names no server that is given by its address, and then Node checks the certificate for "localhost".
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      checkServerIdentity(dialed === undefined || dialed.tlsName !== '' ? host : addressOr(host, dialed), certificate),
  };
  return {
    servers: natsUrl.map(({ server }) => server),
    name: 'cairn-signal',
    noEcho: true,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: RETRY_JITTER_MS,
    reconnectJitterTLS: RETRY_JITTER_MS,
    pingInterval: PING_INTERVAL_MS,
    reconnectToServer: (servers) => (dialed = longestAgo(servers)),
    // Somebody may fix the credentials on the NATS server while this node keeps serving.
    ignoreAuthErrorAbort: true,
    ...(authenticator !== undefined && { authenticator }),
    ...(secure !== undefined && { tls: { ...secure, ...identity } }),
  };
}

/** Returns the address that a server is given by; `host` if it is given by a name. */
function addressOr(host: string, { hostname }: Server): string {
  return isIP(hostname) === 0 ? host : hostname;
}

/** Returns the server whose turn it is: not the one that was just lost, if there is another. */
function longestAgo(servers: readonly Server[]): Server {
  return servers.reduce((one, other) => (other.lastConnect < one.lastConnect ? other : one));
}

function secureOptions({
  natsTlsCa,
  natsTlsCert,
  natsTlsKey,
}: Settings): { ca?: string; cert?: string; key?: string } | undefined {
  if (natsTlsCa === undefined && natsTlsCert === undefined) return undefined;
  const read = (setting: string, path: string): string => readSettingFile(setting, path).toString();
  const secure = {
    ...(natsTlsCa !== undefined && { ca: read('nats-tls-ca', natsTlsCa) }),
    ...(natsTlsCert !== undefined && { cert: read('nats-tls-cert', natsTlsCert) }),
    ...(natsTlsKey !== undefined && { key: read('nats-tls-key', natsTlsKey) }),
  };
  orStartupError(
    () => createSecureContext(secure),
    'nats-tls-ca, nats-tls-cert, nats-tls-key: not usable as PEM certificates with their key',
  );
  return secure;
}

/** Returns what is wrong where NATS carries at most `most` bytes in a message, 0 if that is not known; or undefined. */
export function payloadFault(most: number, { maxMessageBytes }: Settings): string | undefined {
  if (most === 0 || most >= maxMessageBytes) return undefined;
  const carried = `NATS carries at most ${most} bytes in a message (its max_payload)`;
  return `${carried}, but max-message-bytes is ${maxMessageBytes}`;
}
