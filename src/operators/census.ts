import { Injectable } from '@nestjs/common';
import { ConnectionRegistry } from '../presence/connection-registry.js';

/** Addresses that are named of one principal, at most. */
export const MOST_ADDRESSES = 20;

/** What is asked for. */
export interface CensusQuestion {
  /** Principals of an answer, at most. */
  readonly limit: number;
  /** The principal behind which to go on. */
  readonly after?: string | undefined;
  readonly addresses: boolean;
}

/** One principal on this node. */
export interface Counted {
  readonly principal: string;
  connections: number;
  /** Connections by address: those of most connections. */
  addresses?: Record<string, number>;
  /** Addresses that are left out. */
  moreAddresses?: number;
}

/** Some of the principals on this node, by name. */
export interface Census {
  /** Connections on this node. */
  readonly connections: number;
  /** Those without a principal. */
  readonly anonymous: number;
  /** Principals on this node. */
  readonly of: number;
  readonly principals: readonly Counted[];
  /** The principal behind which to ask for more; undefined where there is no more. */
  readonly next?: string;
}

/** Counts the connections of this node by principal. Owns nothing. Tells of no topic. */
@Injectable()
export class CensusTaker {
  constructor(private readonly connections: ConnectionRegistry) {}

  take({ limit, after, addresses }: CensusQuestion): Census {
    const counts = new Map<string, number>();
    let anonymous = 0;
    for (const { principal } of this.connections) {
      if (principal === undefined) anonymous += 1;
      else counts.set(principal, (counts.get(principal) ?? 0) + 1);
    }
    const names = [...counts.keys()].filter((name) => after === undefined || name > after).toSorted(byUnits);
    const shown = names.slice(0, limit);
    const principals = shown.map((principal): Counted => ({ principal, connections: counts.get(principal)! }));
    if (addresses) this.#locate(principals);
    return {
      connections: this.connections.size,
      anonymous,
      of: counts.size,
      principals,
      ...(names.length > limit && { next: shown.at(-1)! }),
    };
  }

  #locate(principals: readonly Counted[]): void {
    const places = new Map(principals.map(({ principal }) => [principal, new Map<string, number>()]));
    for (const { principal, address = 'unknown' } of this.connections) {
      const counts = principal === undefined ? undefined : places.get(principal);
      counts?.set(address, (counts.get(address) ?? 0) + 1);
    }
    for (const counted of principals) {
      const counts = [...places.get(counted.principal)!].toSorted(([, one], [, other]) => other - one);
      counted.addresses = Object.fromEntries(counts.slice(0, MOST_ADDRESSES));
      if (counts.length > MOST_ADDRESSES) counted.moreAddresses = counts.length - MOST_ADDRESSES;
    }
  }
}

/** The order that `>` has. */
function byUnits(one: string, other: string): number {
  return one < other ? -1 : 1;
}
