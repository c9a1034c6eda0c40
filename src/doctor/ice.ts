import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { readIceUrl } from '../config/ice-urls.js';
import type { IceUrl } from '../config/ice-urls.js';
import { ICE_CLOSED, NO_ICE_SERVERS } from '../protocol/error-codes.js';
import { SUBPROTOCOL, SUBPROTOCOL_V2 } from '../protocol/subprotocol.js';
import type { Endpoint } from '../turn/stun-message.js';
import type { TurnCredentials } from '../turn/turn-client.js';
import { failed, ok, skipped, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { probe } from './ice-probe.js';
import type { Outcome, Probe } from './ice-probe.js';
import { networkFault } from './network-fault.js';
import { Peer } from './peer.js';
import type { Said } from './said.js';
import type { Address, Subject } from './subject.js';
import { exact, time } from './words.js';

/** URLs that are tried, and addresses of each: a browser gives up long before. */
const MOST_URLS = 32;
const MOST_ADDRESSES = 4;
/** Milliseconds by which the clocks of two machines may differ: more is told. */
const CLOCK_TOLERANCE_MS = 60_000;
/**
 * A quota may be used up by the doctor's own probes, which run at the same time. coturn needs a second to take an
 * allocation back; so those are tried again, one by one.
 */
const QUOTA_PAUSE_MS = 1500;
const QUOTA_ATTEMPTS = 3;

/** One entry of the answer: URLs with the same credentials. */
interface IceServer {
  readonly urls: readonly string[];
  readonly credentials: TurnCredentials | undefined;
}

/** A URL that was tried at one of its addresses, or could not be. */
interface Tried extends Outcome {
  readonly url: string;
  /** Undefined if it cannot be read. */
  readonly ice: IceUrl | undefined;
  readonly asked?: Probe;
  /** Why it was not tried, though it may be good. */
  readonly untried?: string;
}

/**
 * Asks the server for ICE servers (V11), and each of those for what browsers ask: where this machine is (STUN), and for
 * a relay (TURN). At every address, all at the same time. A server that has none is no fault.
 */
export async function examineIce(subject: Subject): Promise<Finding> {
  const answer = await ask(subject);
  if ('verdict' in answer) return answer;
  const { ttl, servers } = answer;
  const listed = servers.flatMap(({ urls, credentials }) => urls.map((url) => ({ url, credentials })));
  if (listed.length === 0) return warning('the list of ICE servers is empty', 'Look at ice-provider.', { servers: [] });
  const tried = (
    await Promise.all(listed.slice(0, MOST_URLS).map(({ url, credentials }) => attempt(subject, url, credentials)))
  ).flat();
  for (const [index, one] of tried.entries()) {
    if (one.trouble?.figures?.code === 486) tried[index] = await attemptAgain(subject, one);
  }
  return judge(ttl, clockFault(subject, answer), tried);
}

/** Resolves to what the server answers to IceServers, or to the finding where that is no list. */
async function ask(subject: Subject): Promise<{ ttl: number; servers: readonly IceServer[] } | Finding> {
  const peer = await connect(subject);
  if (peer === undefined) return skipped('not tried: the server does not select cairn-signal.v2, which peers ask by');
  try {
    peer.request('IceServers', { id: 1 });
    const { name, fields } = await peer.receive(
      (message) => (isAnswer(message) ? message : undefined),
      'no answer to IceServers',
    );
    if (name === 'Error') return none(subject, fields);
    const servers = serversIn(fields.servers);
    if (servers === undefined || typeof fields.ttl !== 'number' || !(fields.ttl > 0)) {
      return failed(
        'the answer to IceServers is no list of ICE servers with a ttl',
        'This is a fault of the server, or of its ice-provider: look at its log.',
      );
    }
    return { ttl: fields.ttl * 1000, servers };
  } finally {
    await peer.close();
  }
}

/** Resolves to a connection of cairn-signal.v2; to undefined if the server selects another subprotocol, or none. */
async function connect(subject: Subject): Promise<Peer | undefined> {
  try {
    const peer = await Peer.connect(subject, { protocols: [SUBPROTOCOL_V2, SUBPROTOCOL] });
    if (peer.protocol === SUBPROTOCOL_V2) return peer;
    await peer.close();
    return undefined;
  } catch (error) {
    if (error instanceof Trouble && /no subprotocol/i.test(error.found)) return undefined;
    throw error;
  }
}

function isAnswer(message: unknown): message is Said {
  if (typeof message !== 'object' || message === null || !('name' in message)) return false;
  const { name, fields } = message as Said;
  return (name === 'IceServers' || name === 'Error') && fields.id === 1;
}

/** The finding where the server answers with an Error. */
function none(subject: Subject, { code, message }: Said['fields']): Finding {
  if (code === 'unsupported' || message === NO_ICE_SERVERS.text) return skipped('the server has no ICE servers');
  const said = typeof message === 'string' ? subject.quote(message) : 'an Error without a message';
  const figures = { code: typeof code === 'string' ? subject.quote(code) : '' };
  if (message === ICE_CLOSED.text) {
    return warning(said, 'Require a token, or set turn-open to let strangers use the TURN servers.', figures);
  }
  return failed(`no ICE servers: ${said}`, 'Look at the log of the server: its ice-provider may have failed.', figures);
}

/** The entries of an answer; undefined if it is no list of them. */
function serversIn(listed: unknown): IceServer[] | undefined {
  if (!Array.isArray(listed)) return undefined;
  const servers = (listed as ({ urls?: unknown; username?: unknown; credential?: unknown } | null)[]).map((entry) => {
    const { urls, username, credential } = entry ?? {};
    if (!Array.isArray(urls) || !urls.every((url): url is string => typeof url === 'string')) return undefined;
    const has = typeof username === 'string' && typeof credential === 'string';
    return { urls, credentials: has ? { username, credential } : undefined };
  });
  return servers.every((server) => server !== undefined) ? servers : undefined;
}

/** Tries one URL at each of its addresses. */
async function attempt(subject: Subject, written: string, credentials: TurnCredentials | undefined): Promise<Tried[]> {
  const url = subject.quote(written);
  const ice = readIceUrl(written);
  const fault = (trouble: Trouble): Tried[] => [{ url, ice, trouble }];
  if (ice === undefined) return fault(NO_URL);
  if (ice.transport === 'dtls') return [{ url, ice, untried: 'not tried: the doctor has no DTLS' }];
  if (isTurn(ice) && credentials === undefined) return fault(NO_CREDENTIALS);
  try {
    const addresses = await addressesOf(subject, ice.host);
    return await Promise.all(
      addresses.slice(0, MOST_ADDRESSES).map(async (at): Promise<Tried> => {
        const asked: Probe = { ice, at, credentials: isTurn(ice) ? credentials : undefined };
        return { url, ice, asked, ...(await probe(subject, asked)) };
      }),
    );
  } catch (error) {
    if (error instanceof Trouble) return fault(error);
    throw error;
  }
}

const NO_URL = new Trouble(
  'this is no URL of a STUN or TURN server',
  'Correct it: browsers refuse the whole list for one such URL.',
);
const NO_CREDENTIALS = new Trouble(
  'a TURN URL without username and credential',
  'Have ice-provider give both: browsers refuse the whole list without.',
);

function isTurn(ice: IceUrl | undefined): boolean {
  return ice?.scheme.startsWith('turn') === true;
}

async function addressesOf(subject: Subject, host: string): Promise<readonly Address[]> {
  if (isIP(host) !== 0) return [{ address: host, family: isIP(host) }];
  const found = lookup(host, { all: true, order: 'verbatim' }).catch((error: unknown) => {
    throw networkFault(error);
  });
  return subject.within(found, 'no answer from a DNS server');
}

/** Tries a server again that had used up its quota, when the other probes are over. */
async function attemptAgain(subject: Subject, tried: Tried): Promise<Tried> {
  const { url, ice } = tried;
  const asked = tried.asked!;
  let again = tried;
  for (let times = 0; times < QUOTA_ATTEMPTS && again.trouble?.figures?.code === 486; times++) {
    await subject.clock.sleep(QUOTA_PAUSE_MS);
    again = { url, ice, asked, ...(await probe(subject, asked)) };
  }
  return again;
}

/** Whether the credentials end when they should, by the clock of this machine. */
function clockFault(
  subject: Subject,
  { ttl, servers }: { readonly ttl: number; readonly servers: readonly IceServer[] },
): Trouble | undefined {
  for (const { credentials } of servers) {
    const [, expiry] = /^(\d{9,11}):/.exec(credentials?.username ?? '') ?? [];
    if (expiry === undefined) continue;
    const off = Number(expiry) * 1000 - ttl - subject.clock.now();
    if (Math.abs(off) <= CLOCK_TOLERANCE_MS) continue;
    return new Trouble(
      `the clock of the server is ${time(Math.abs(off))} ${off > 0 ? 'ahead of' : 'behind'} the one here`,
      'Set both by NTP: TURN servers refuse credentials that have ended by their own clock.',
    );
  }
  return undefined;
}

function judge(ttl: number, clock: Trouble | undefined, tried: readonly Tried[]): Finding {
  const several = (url: string): boolean => tried.filter((one) => one.url === url).length > 1;
  const works = ({ trouble, untried }: Tried): boolean => trouble === undefined && untried === undefined;
  const ourselves = (one: Tried): boolean =>
    one.noRoute === true && tried.some((other) => other.url === one.url && other.noRoute !== true);
  const troubles = [
    ...(clock === undefined ? [] : [clock]),
    ...tried.filter((one) => !ourselves(one)).flatMap(({ trouble, caution }) => trouble ?? caution ?? []),
  ];
  const figures = {
    ttl: exact(ttl / 1000),
    servers: tried.map(({ url, ice, asked, mapped, relayed, milliseconds, trouble, untried }) => ({
      url,
      ...(ice && { transport: ice.transport }),
      ...(asked && { address: asked.at.address }),
      ...(mapped && { mapped: shown(mapped) }),
      ...(relayed && { relayed: shown(relayed) }),
      ...(milliseconds !== undefined && { milliseconds: exact(milliseconds) }),
      ...(trouble && { fault: trouble.found, ...trouble.figures }),
      ...(untried !== undefined && { fault: untried }),
    })),
  };
  const turn = tried.filter((one) => isTurn(one.ice) && one.untried === undefined);
  const relaying = turn.filter(works);
  const udpOnly = relaying.length > 0 && relaying.every(({ ice }) => ice!.transport === 'udp');
  const found = [
    ...(clock === undefined ? [] : [clock.found]),
    ...tried.map((one) => `${one.url}${several(one.url) ? ` at ${one.asked!.at.address}` : ''}: ${inWords(one)}`),
    ...(udpOnly ? ['peers whose network blocks UDP have no relay (turns: on port 443 helps)'] : []),
  ].join('; ');
  const advice = [...new Set(troubles.map((trouble) => trouble.advice))].join(' ');
  const counting = turn.length > 0 ? turn : tried.filter(({ untried }) => untried === undefined);
  if (counting.length > 0 && !counting.some(works)) return failed(found, advice, figures);
  return troubles.length > 0 ? warning(found, advice, figures) : ok(found, figures);
}

function inWords({ ice, mapped, relayed, milliseconds, trouble, caution, untried }: Tried): string {
  if (untried !== undefined) return untried;
  const seen = mapped === undefined ? '' : `answers over ${ice!.transport}, but `;
  if (trouble !== undefined) return `${seen}${trouble.found}`;
  const what = relayed === undefined ? `sees this machine at ${shown(mapped!)}` : `relays at ${shown(relayed)}`;
  return `${what} over ${ice!.transport}, in ${time(milliseconds!)}${caution === undefined ? '' : `, but ${caution.found}`}`;
}

function shown({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
