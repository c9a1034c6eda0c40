/** The warning where anyone may connect, and so nobody is told of TURN servers. */
export const CLOSED =
  'turn-urls is set, but anyone may connect, so requests for ICE servers are refused: require a token, ' +
  'or set turn-open to let strangers use the TURN servers';
