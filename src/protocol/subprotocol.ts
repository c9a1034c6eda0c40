/** Our WebSocket subprotocol: the only one that is ever selected, and what a browser must offer beside its token. */
export const SUBPROTOCOL = 'cairn-signal';
