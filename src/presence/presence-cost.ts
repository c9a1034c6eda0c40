/**
 * Memory that presence takes, in bytes, measured with the heap of Node 20 in the worst case: a member of another node
 * that is alone on its topic there, and a node with a single member. Measured were 186 bytes for the member, its id
 * and its list; 170 for the node, and 24 for a text. test/unit/presence/presence-memory.spec.ts compares the figures
 * with the heap.
 */

const REMOTE_MEMBER_BYTES = 200;
const NODE_BYTES = 224;
/** A text, without its characters. */
const TEXT_BYTES = 24;

/** What data take, by their text; undefined for none. */
export function costOfData(shown: { readonly length: number } | undefined): number {
  return shown === undefined ? 0 : TEXT_BYTES + shown.length;
}

/** What is kept of a member of another node with such data. */
export function costOfRemote(shown: { readonly length: number } | undefined): number {
  return REMOTE_MEMBER_BYTES + costOfData(shown);
}

/** What a node takes, by its name. */
export function costOfNode(node: string): number {
  return NODE_BYTES + 2 * node.length;
}
