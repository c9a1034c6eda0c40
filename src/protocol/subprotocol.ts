/**
 * Our WebSocket subprotocol (docs/protocol.md, section 1), which the server selects where it is offered and no newer one
 * is. A browser must offer it beside its token.
 */
export const SUBPROTOCOL = 'cairn-signal';

/** The subprotocol of peers that want answers (section 12). The server selects it whenever it is offered. */
export const SUBPROTOCOL_V2 = 'cairn-signal.v2';
