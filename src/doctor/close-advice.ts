import { CloseCode } from '../protocol/close-codes.js';

/** Advice for a connection that ended with this close code (docs/protocol.md, section 4; RFC 6455, section 7.4.1). */
export function adviceForClose(code: number): string {
  switch (code) {
    case CloseCode.policyViolation:
      return 'A limit of the server was reached: raise the setting that the reason names.';
    case CloseCode.messageTooBig:
      return 'Raise max-message-bytes, or the limit of the proxy.';
    case CloseCode.internalError:
      return 'The server failed: look at its log.';
    case CloseCode.goingAway:
    case 1012:
      return 'The server is restarting: try again later.';
    case CloseCode.tokenRevoked:
      return 'The token was revoked or has expired: give a new one.';
    case CloseCode.closedOnRequest:
      return 'An operator closed all connections of this principal: ask them why, or try again later.';
    case CloseCode.permissionEnded:
      return 'The topic policy of the server does not allow a topic any more: ask its operator, or come back without it.';
    case CloseCode.slowConsumer:
      return 'This machine, or its connection to the server, is too slow for max-buffered-bytes.';
    case CloseCode.deadPeer:
      return 'Pings or pongs get lost on the way: make the proxy pass on WebSocket control frames.';
    case 1006:
      return (
        'Something on the way cuts connections: look at the log of the proxy. ' +
        'Its timeouts, limits and restarts cut WebSockets.'
      );
    default:
      return 'Look at the log of the server, and at the log of the proxy in front of it.';
  }
}
