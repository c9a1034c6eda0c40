import { Trouble } from './finding.js';
import { printable } from './words.js';

/** Explains a failed connection and gives advice, from an error of Node's sockets, TLS or HTTP, or of `ws`. */
export function networkFault(error: unknown): Trouble {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code.startsWith('HPE_')) {
    return new Trouble(
      'the answer is not HTTP',
      'Check the port: another service listens there, or it expects TLS (wss://).',
    );
  }
  const fault = FAULTS[code];
  if (fault !== undefined) return new Trouble(...fault);
  if (/socket hang up/.test(message)) return new Trouble(...FAULTS.ECONNRESET!);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return tlsFault(code, message);
  return new Trouble(printable(message), 'Look at the log of the server, and at the log of the proxy in front of it.');
}

const NO_ROUTE = [
  'there is no route to it from here',
  'Check the network of this machine, its VPN and its IPv6, and whether the address is public.',
] as const;

const CUT = [
  'cut without an answer',
  'The listener accepted the connection and dropped it: a proxy without a server behind it, or a port that expects ' +
    'TLS (wss://).',
] as const;

const FAULTS: Partial<Record<string, readonly [found: string, advice: string]>> = {
  ECONNREFUSED: [
    'refused: nothing listens there',
    'Start the server, or correct the port. In a container, publish the port and listen on 0.0.0.0 (--listen-addr).',
  ],
  ETIMEDOUT: ['no answer', "A firewall drops it: open the port, also in the cloud's security group."],
  EHOSTUNREACH: NO_ROUTE,
  ENETUNREACH: NO_ROUTE,
  EADDRNOTAVAIL: NO_ROUTE,
  ECONNRESET: CUT,
  EPIPE: CUT,
  ENOTFOUND: ['the name does not exist', 'Correct the name, or add an A or AAAA record for it.'],
  EAI_AGAIN: ['no DNS server answers', 'Check the DNS of this machine, and the name servers of the domain.'],
};

function tlsFault(code: string, message: string): Trouble {
  const words = `${code} ${message}`;
  if (
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|wrong version number|packet length too long/i.test(words)
  ) {
    return new Trouble(
      'the answer is not TLS',
      'Give the server tls-cert and tls-key, or let the proxy terminate TLS on this port. ' +
        'The URL of a plaintext server begins with ws://.',
    );
  }
  if (/CERTIFICATE_REQUIRED|certificate required/i.test(words)) {
    return new Trouble(
      'the TLS endpoint asks for a client certificate',
      'Give one with --cert and --key. Peers need one too. If they have none, turn off client certificates for ' +
        'this host.',
    );
  }
  if (
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+)/i.test(words.replaceAll(' ', '_'))
  ) {
    return new Trouble(
      `the client certificate is refused (${printable(code)})`,
      'The TLS endpoint accepts only certificates from certain authorities, neither expired nor revoked: ' +
        'give such a certificate with --cert and --key.',
    );
  }
  if (/PROTOCOL_VERSION|protocol version/i.test(words)) {
    return new Trouble('no common TLS version', 'Turn on TLS 1.2 or 1.3 at the TLS endpoint.');
  }
  if (
    /HANDSHAKE_FAILURE|UNRECOGNIZED_NAME|INTERNAL_ERROR|handshake failure|unrecognized name|internal error/i.test(words)
  ) {
    return new Trouble(
      `the TLS handshake is refused (${printable(code)})`,
      'The TLS endpoint has no certificate for this name: add one, or correct the name. ' +
        'Or it asks for a client certificate: give --cert and --key.',
    );
  }
  return new Trouble(`the TLS handshake failed (${printable(code)})`, 'Look at the log of the TLS endpoint.');
}
