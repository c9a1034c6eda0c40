import type { Refused } from './refusal.js';
import type { Request } from './subject.js';

/** Advice for a handshake that was refused with this answer instead of 101. */
export function adviceForRefusal({ status, message = '' }: Refused, { certificate }: Request): string {
  if (status === 503 && /revocation list/.test(message)) {
    return 'The operator must fetch the next list of the authority into tls-client-crl.';
  }
  // With 403, the sentence comes from this server; with 400, from nginx.
  if ((status === 403 || status === 400) && /\bcertificate\b/i.test(message)) {
    return adviceForCertificate(message, certificate !== undefined);
  }
  if (/\bmanagement address\b/.test(message)) {
    return 'Use the URL of listen-addr: management-addr does not serve peers.';
  }
  return adviceForStatus(status);
}

function adviceForCertificate(message: string, given: boolean): string {
  if (!given) {
    return (
      'Give --cert and --key: a certificate from an authority that the server trusts ' +
      '(tls-client-ca; nginx: ssl_client_certificate). Every peer needs one.'
    );
  }
  if (/asks for|no required/i.test(message)) {
    return (
      'The certificate does not arrive: a proxy in front of the server terminates TLS. ' +
      'Let TLS pass through, or let the proxy ask for the certificate.'
    );
  }
  const fault = FAULTS.find(([says]) => says.test(message));
  if (fault !== undefined) return fault[1];
  return (
    'Give another certificate with --cert and --key: not expired, and from an authority that the server trusts ' +
    '(tls-client-ca; nginx: ssl_client_certificate).'
  );
}

/** What to do about a certificate, by what the sentence of this server says of it. */
const FAULTS: readonly (readonly [says: RegExp, advice: string])[] = [
  [/without an intermediate/, 'Give the whole chain with --cert: the certificate, then the intermediate ones.'],
  [/not its root/, 'The operator must add the root of this authority to tls-client-ca.'],
  [/An authority of this client certificate/, 'The authority needs a new certificate, in tls-client-ca too.'],
  [/has expired\.$/, 'Renew the certificate, and check that automatic renewal runs.'],
  [/not valid yet/, 'Check the clocks of this machine and of the server, or wait.'],
  [/not for clients/, 'Give a certificate whose extended key usage holds clientAuth, with --cert and --key.'],
  [/was revoked/, 'Ask the authority for a new certificate: it is on a list in tls-client-crl.'],
  [/tls-client-principal/, 'Give a certificate with such a name, or have the operator add another kind of name.'],
  [/X\.509-SVID/, 'Ask for an SVID that follows the X509-SVID specification: the sentence says what is wrong.'],
];

function adviceForStatus(status: number): string {
  switch (status) {
    case 400:
      return (
        'The handshake arrives malformed: make the proxy speak HTTP/1.1 to the server ' +
        '(nginx: proxy_http_version 1.1) and pass on Sec-WebSocket-*.'
      );
    case 401:
      return 'Something in front of the server asks for its own login: let this host through.';
    case 403:
      return (
        'The server keeps this peer out: look at its custom guards, tls-client-ca and allowed-origins. ' +
        'Or a proxy or firewall forbids it: let WebSockets to this host through.'
      );
    case 404:
    case 426:
      return (
        'The proxy strips the Upgrade or Connection header, or does not route this path to the server. ' +
        'In nginx, set proxy_http_version 1.1, and proxy_set_header Upgrade $http_upgrade and Connection "upgrade".'
      );
    case 405:
      return 'This is not a WebSocket server, or the proxy changes the method: check host, port and path.';
    case 429:
      return (
        'This address has too many connections, or showed too many wrong tokens, or the principal has too many: ' +
        'wait, or raise max-connections-per-ip or max-connections-per-principal. Behind a proxy all peers may share this address: ' +
        'set trusted-proxies.'
      );
    case 502:
    case 504:
      return (
        'The proxy does not reach the server behind it: ' +
        'make sure that the server runs and listens where the proxy looks.'
      );
    case 503:
      return (
        'The server is full (max-connections) or restarting, or the proxy finds no server that is ready: ' +
        'try again, then look at /health/ready.'
      );
    default:
      if (status >= 300 && status < 400) {
        return 'This is a redirection, and peers do not follow it: give them the URL that it leads to, with wss://.';
      }
      if (status >= 200 && status < 300) {
        return (
          'The answer is for a plain request: ' +
          'the proxy strips the Upgrade header, or this is not a WebSocket server.'
        );
      }
      return 'Look at the log of the server or proxy that answered.';
  }
}
