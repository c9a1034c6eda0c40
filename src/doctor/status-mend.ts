import type { Refused } from './refusal.js';
import type { Request } from './subject.js';

/** What to do about a handshake that was answered so, instead of 101. */
export function mendForRefusal({ status, message = '' }: Refused, { certificate }: Request): string {
  // The sentence is this server's, with 403, or nginx's, with 400.
  if ((status === 403 || status === 400) && /\bcertificate\b/i.test(message)) {
    return mendForCertificate(message, certificate !== undefined);
  }
  if (/\bmanagement address\b/.test(message)) {
    return 'Give the URL of listen-addr: peers are not served on management-addr.';
  }
  return mendForStatus(status);
}

function mendForCertificate(message: string, given: boolean): string {
  if (!given) {
    return 'Give --cert and --key: a certificate of an authority that is trusted there (tls-client-ca; nginx: ssl_client_certificate), which every peer needs.';
  }
  if (/asks for|no required/i.test(message)) {
    return 'The certificate does not arrive: a proxy that terminates TLS in front of the server keeps it; let TLS pass through, or have the proxy ask for it.';
  }
  return 'Give another one with --cert and --key: of an authority that is trusted there (tls-client-ca; nginx: ssl_client_certificate), and not expired.';
}

function mendForStatus(status: number): string {
  switch (status) {
    case 400:
      return 'The handshake is malformed when it arrives: have the proxy speak HTTP/1.1 to the server (nginx: proxy_http_version 1.1) and pass Sec-WebSocket-* on.';
    case 401:
      return 'Something in front of the server asks for a login of its own: let this host through.';
    case 403:
      return "The server keeps this peer out: by a guard of its operator's, by a client certificate that it asks for (tls-client-ca), or by allowed-origins. Else a proxy or firewall forbids it: let WebSockets to this host through.";
    case 404:
    case 426:
      return 'The proxy strips the Upgrade or Connection header, or does not route this path to the server: in nginx, proxy_set_header Upgrade $http_upgrade and Connection "upgrade".';
    case 405:
      return 'What answers is no WebSocket server, or the proxy changes the method: check host, port and path.';
    case 429:
      return "Too many connections or wrong tokens from this address: wait. Behind a proxy it may be everybody's address: set trusted-proxies; or raise max-connections-per-ip.";
    case 502:
    case 504:
      return 'The proxy does not reach the server behind it: see that the server runs and listens where the proxy looks.';
    case 503:
      return 'The server is full (max-connections) or restarts, or the proxy finds none that is ready: try again, then look at /health/ready.';
    default:
      if (status >= 300 && status < 400) {
        return 'A redirection, which peers do not follow: give them the URL that it leads to, with wss://.';
      }
      if (status >= 200 && status < 300) {
        return 'What answers takes the handshake for a plain request: the proxy strips the Upgrade header, or it is no WebSocket server.';
      }
      return 'Look at the log of what answers.';
  }
}
