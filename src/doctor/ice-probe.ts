import { BlockList, connect, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import type { IceUrl } from '../config/ice-urls.js';
import type { Endpoint } from '../turn/stun-message.js';
import { TurnClient } from '../turn/turn-client.js';
import type { Allocation, TurnCredentials } from '../turn/turn-client.js';
import { streamWire, udpWire } from '../turn/wire.js';
import type { Wire } from '../turn/wire.js';
import { Trouble } from './finding.js';
import { Subject } from './subject.js';
import type { Address } from './subject.js';
import { handshake, judge } from './tls.js';
import { turnFault } from './turn-fault.js';

/** Longest wait for a server to take an allocation back: nothing depends on it. */
const RELEASE_MS = 1000;

/** What one server is asked, at one of its addresses. */
export interface Probe {
  readonly ice: IceUrl;
  readonly at: Address;
  /** Undefined for a STUN server, which is not asked to relay. */
  readonly credentials: TurnCredentials | undefined;
}

/** What a server gave. */
export interface Outcome {
  /** Milliseconds until everything was there; undefined if something is missing. */
  readonly milliseconds?: number;
  /** Where the server sees this machine. */
  readonly mapped?: Endpoint;
  readonly relayed?: Endpoint;
  readonly trouble?: Trouble;
  /** Whether this machine has no route to it. That is not the fault of the server. */
  readonly noRoute?: boolean;
  /** What is not right though it works. */
  readonly caution?: Trouble;
}

const NO_ROUTE = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EHOSTUNREACH']);

/** Sends a STUN Binding to a server and, if it is a TURN server, an Allocate, which is given back. */
export async function probe(subject: Subject, { ice, at, credentials }: Probe): Promise<Outcome> {
  const from = subject.clock.monotonic();
  let client: TurnClient | undefined;
  let mapped: Endpoint | undefined;
  try {
    const { wire, caution } = await open(subject, ice, at);
    client = new TurnClient(wire);
    mapped = await subject.within(client.bind(), 'no answer to a STUN Binding');
    const sofar = { mapped, ...(caution !== undefined && { caution }) };
    if (credentials === undefined) return { ...sofar, milliseconds: subject.clock.monotonic() - from };
    const allocation = await subject.within(
      client.allocate(credentials),
      'a STUN Binding is answered, but there is no answer to a TURN Allocate',
    );
    const milliseconds = subject.clock.monotonic() - from;
    // TCP and TLS need no more than the end of the connection.
    if (!wire.reliable) await subject.within(allocation.release(), '', RELEASE_MS).catch(() => undefined);
    const doubt = relayCaution(at.address, allocation) ?? caution;
    return { ...sofar, relayed: allocation.relayed, milliseconds, ...(doubt !== undefined && { caution: doubt }) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const noRoute = NO_ROUTE.has((error as NodeJS.ErrnoException).code ?? '');
    return { ...(mapped && { mapped }), trouble: turnFault(error, ice, client?.strays), ...(noRoute && { noRoute }) };
  } finally {
    client?.close();
  }
}

async function open(subject: Subject, ice: IceUrl, at: Address): Promise<{ wire: Wire; caution?: Trouble }> {
  if (ice.transport === 'udp') return { wire: await udpWire(at.address, at.family, ice.port) };
  if (ice.transport === 'tcp') return { wire: streamWire(await connected(subject, at, ice.port)) };
  // Browsers show TURN servers no certificate, and no token.
  const target = { ...subject.request.target, secure: true, host: ice.host, port: ice.port };
  const request = { ...subject.request, target, token: undefined, certificate: undefined };
  const server = new Subject(request, subject.clock);
  server.reachable = [at];
  const from = subject.clock.monotonic();
  const socket = await handshake(server, 0, [], (error) => turnFault(error, ice));
  const { verdict, found, advice } = judge(request, socket, subject.clock.monotonic() - from);
  if (verdict === 'failed') {
    socket.destroy();
    throw new Trouble(found, advice!);
  }
  return { wire: streamWire(socket), ...(advice !== undefined && { caution: new Trouble(found, advice) }) };
}

async function connected(subject: Subject, at: Address, port: number): Promise<Socket> {
  const socket = connect({ host: at.address, port });
  try {
    const done = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.on('error', reject);
    });
    await subject.within(done, 'no answer');
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Says what is doubtful about a relay that a server at `server` gave; undefined if nothing is. */
export function relayCaution(
  server: string,
  { relayed, authenticated }: Pick<Allocation, 'relayed' | 'authenticated'>,
): Trouble | undefined {
  if (!authenticated) {
    return new Trouble(
      'it relays for everybody, without credentials',
      'Strangers can send traffic through it: make it ask for credentials (coturn: use-auth-secret).',
    );
  }
  if (isPrivate(relayed.address) && !isPrivate(server)) {
    return new Trouble(
      `its relayed address ${relayed.address} is of a private network`,
      'Peers elsewhere cannot reach that: tell the TURN server its public address (coturn: external-ip).',
    );
  }
  return undefined;
}

/** Networks that are not reached from elsewhere (RFC 1918, RFC 6598, RFC 4193), this machine and no address at all. */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6');
}

function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
