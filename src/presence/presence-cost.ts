import type { MemberInfo } from './member-list.js';

/**
 * Memory that presence takes, in bytes. The figures are measured with the heap of Node 20 in the worst case;
 * test/unit/presence/presence-memory.spec.ts compares them with the heap.
 */

/** A member of another node, alone on its topic there. */
const REMOTE_MEMBER_BYTES = 256;

/** Another node, with one member. */
const NODE_BYTES = 256;
/** A Buffer with memory of its own, without its content. */
const BUFFER_BYTES = 256;

/** What data takes; undefined for none. */
export function costOfData(data: { readonly length: number } | undefined): number {
  return data === undefined ? 0 : BUFFER_BYTES + data.length;
}

/** What is kept of a member of another node. */
export function costOfRemote({ data }: MemberInfo): number {
  return REMOTE_MEMBER_BYTES + costOfData(data);
}

/** What a node takes, by its name. */
export function costOfNode(node: string): number {
  return NODE_BYTES + 2 * node.length;
}
