/** Our WebSocket subprotocol, the only one that the server selects. A browser must offer it beside its token. */
export const SUBPROTOCOL = 'cairn-signal';
