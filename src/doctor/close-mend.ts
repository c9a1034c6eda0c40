import { CloseCode } from '../protocol/close-codes.js';

/** What to do about a connection that ended with this close code (docs/protocol.md, section 4; RFC 6455, section 7.4.1). */
export function mendForClose(code: number): string {
  switch (code) {
    case CloseCode.policyViolation:
      return "A limit of the server's; raise the setting that the reason names.";
    case CloseCode.messageTooBig:
      return 'Raise max-message-bytes, or the limit of the proxy.';
    case CloseCode.internalError:
      return 'The server is at fault: look at its log.';
    case CloseCode.serviceRestart:
    case 1001:
      return 'The server restarts: try again when it has.';
    case CloseCode.tokenRevoked:
      return 'The token was revoked: give a new one.';
    case CloseCode.slowConsumer:
      return 'This machine, or its way to the server, is too slow for max-buffered-bytes.';
    case CloseCode.deadPeer:
      return 'Pings or pongs are lost on the way: have the proxy pass WebSocket control frames on.';
    case 1006:
      return 'Something on the way cuts connections: look at the log of the proxy; its time-outs, limits and restarts cut WebSockets.';
    default:
      return 'Look at the log of the server, and of what is in front of it.';
  }
}
