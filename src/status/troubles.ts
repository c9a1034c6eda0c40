import type { BackplaneDrop } from '../metrics/backplane-counts.js';
import type { MessageDrop } from '../metrics/traffic-counts.js';
import { LIMITS } from '../protocol/limits.js';
import { REFUSAL_REASONS } from '../protocol/refusal-reasons.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';
import type { Sources } from '../exposition/sources.js';

/**
 * Something that went wrong since the start: its name, how often, and an explanation where the name does not say it
 * all.
 */
export type Trouble = readonly [name: string, count: number, about: string];

export interface TroubleGroup {
  readonly title: string;
  readonly troubles: readonly Trouble[];
}

/** Close codes of connections that ended badly. All other codes are normal ends. */
const BAD_ENDS: Readonly<Record<string, string>> = {
  1002: 'broken WebSocket framing',
  1006: 'cut off without a goodbye',
  1007: 'text that is not UTF-8',
  1008: 'a limit on what one peer may ask for',
  1009: 'message too big',
  1011: 'a fault of this server; see the log',
  4001: 'token expired or revoked',
  4002: 'closed by an operator',
  4003: 'a topic that the topic policy allows no more',
  4008: 'slow consumer',
  4009: 'no sign of life',
  4010: 'too much that peers sent was not handled yet',
  other: 'a code that the peer chose',
};

const DROPPED: { readonly [Drop in MessageDrop]: string } = {
  undecodable: 'binary that does not decode',
  unknown_text: 'text of unknown type',
  forbidden: 'not allowed by the topic policy or a token',
};

const NOT_CARRIED: { readonly [Drop in BackplaneDrop]: string } = {
  down: 'NATS could not be reached',
  slow: 'NATS did not keep up',
  late: 'sent before its node changed its connection to NATS',
  too_large: 'larger than NATS carries in one message',
  malformed: 'not written by one of our nodes',
};

const GROUPS: readonly { readonly title: string; readonly read: (sources: Sources) => Iterable<Trouble> }[] = [
  {
    title: 'Upgrades refused',
    read: ({ refusals }) =>
      Object.entries(REFUSAL_REASONS).map(([reason, about]) => [
        reason,
        refusals.of(reason as RefusalReason),
        about.replaceAll('`', ''),
      ]),
  },
  { title: 'Certificate', read: ({ certificate }) => certificate.warnings.map((warning) => [warning, 1, '']) },
  { title: 'Limits reached', read: ({ limits }) => LIMITS.map((limit) => [limit, limits.of(limit), '']) },
  {
    title: 'Connections that ended badly',
    read: ({ connectionCounts }) =>
      Object.entries(BAD_ENDS).map(([code, about]) => [code, connectionCounts.closedByCode.get(code) ?? 0, about]),
  },
  {
    title: 'Messages dropped',
    read: ({ traffic }) => explained(traffic.dropped, DROPPED),
  },
  {
    title: 'JSON messages answered with an error',
    read: ({ rendezvous }) => Object.entries(rendezvous.refusals).map(([code, count]) => [code, count, '']),
  },
  {
    title: 'Relays that did not cross the bus',
    read: ({ bus }) => explained(bus.dropped, NOT_CARRIED),
  },
];

/** Returns every count with an explanation of its name. */
function explained<Name extends string>(
  counts: Readonly<Record<Name, number>>,
  abouts: Readonly<Record<Name, string>>,
): Trouble[] {
  return (Object.keys(abouts) as Name[]).map((name) => [name, counts[name], abouts[name]]);
}

/**
 * Returns what went wrong since the start, the most frequent first. Leaves out names with a count of 0, and empty
 * groups.
 */
export function troublesOf(sources: Sources): TroubleGroup[] {
  return GROUPS.map(({ title, read }) => ({
    title,
    troubles: [...read(sources)].filter(([, count]) => count > 0).toSorted(([, one], [, other]) => other - one),
  })).filter(({ troubles }) => troubles.length > 0);
}
