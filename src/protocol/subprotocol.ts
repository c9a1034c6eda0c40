/**
 * Our WebSocket subprotocol (docs/protocol.md, section 1), which the server selects where it is offered and no newer one
 * is. A browser must offer it beside its token.
 */
export const SUBPROTOCOL = 'cairn-signal';

/** The subprotocol of peers that want answers (section 12). The server selects it whenever it is offered. */
export const SUBPROTOCOL_V2 = 'cairn-signal.v2';

/** The subprotocols that the server selects, the one it prefers first. */
export const SUBPROTOCOLS: readonly string[] = [SUBPROTOCOL_V2, SUBPROTOCOL];

/** The subprotocol that the server selects of those that a peer offers; undefined for none. */
export function selectedOf(offered: readonly string[]): string | undefined {
  return SUBPROTOCOLS.find((protocol) => offered.includes(protocol));
}
