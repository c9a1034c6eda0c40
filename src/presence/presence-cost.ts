/**
 * Memory that presence takes, in bytes, measured with the heap of Node 20 in the worst case: a member of another node
 * that is alone on its topic there, a node with a single member, and nine members of this node, which have an index.
 * Measured were 186 bytes for the remote member, its id and its list; 170 for the node, 24 for a text, 214 for a table,
 * and up to 230 for a member of this node (95 where they are few). test/unit/presence/presence-memory.spec.ts compares the figures
 * with the heap.
 */

const REMOTE_MEMBER_BYTES = 200;
const NODE_BYTES = 224;
/** A text, without its characters. */
const TEXT_BYTES = 24;

const TABLE_BYTES = 224;
const LOCAL_MEMBER_BYTES = 240;

/** What is kept of so many members of this node, because another node asked. */
export function costOfTable(members: number): number {
  return TABLE_BYTES + members * LOCAL_MEMBER_BYTES;
}

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
