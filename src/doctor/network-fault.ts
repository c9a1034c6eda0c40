import { Trouble } from './finding.js';
import { printable } from './words.js';

/** What a failed connection means and what to do about it, from the error of Node's sockets, TLS or HTTP, or of `ws`. */
export function networkFault(error: unknown): Trouble {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code.startsWith('HPE_')) {
    return new Trouble(
      'what answers does not speak HTTP',
      'Check the port: another service listens there, or it expects TLS (wss://).',
    );
  }
  const fault = FAULTS[code];
  if (fault !== undefined) return new Trouble(...fault);
  if (/socket hang up/.test(message)) return new Trouble(...FAULTS.ECONNRESET!);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return tlsFault(code, message);
  return new Trouble(printable(message), 'Look at the log of the server, and of what is in front of it.');
}

const NO_ROUTE = [
  'there is no way to it from here',
  'Check the network of this machine, its VPN and its IPv6, and whether the address is a public one.',
] as const;

const FAULTS: Partial<Record<string, readonly [found: string, mend: string]>> = {
  ECONNREFUSED: [
    'refused: nothing listens there',
    'Start the server, or correct the port; in a container, publish the port and listen on 0.0.0.0 (--listen-addr).',
  ],
  ETIMEDOUT: ['no answer', "A firewall drops it: open the port, also in the cloud's security group."],
  EHOSTUNREACH: NO_ROUTE,
  ENETUNREACH: NO_ROUTE,
  EADDRNOTAVAIL: NO_ROUTE,
  ECONNRESET: [
    'cut without an answer',
    'What listens there took the connection and dropped it: a proxy without a server behind it, or a port that expects TLS (wss://).',
  ],
  EPIPE: [
    'cut without an answer',
    'What listens there took the connection and dropped it: a proxy without a server behind it, or a port that expects TLS (wss://).',
  ],
  ENOTFOUND: ['the name does not exist', 'Correct the name, or add an A or AAAA record for it.'],
  EAI_AGAIN: ['no name server answers', 'Check the DNS of this machine, and the name servers of the domain.'],
};

function tlsFault(code: string, message: string): Trouble {
  const words = `${code} ${message}`;
  if (
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|wrong version number|packet length too long/i.test(words)
  ) {
    return new Trouble(
      'what answers does not speak TLS',
      'Give the server tls-cert and tls-key, or let the proxy terminate TLS on this port; a server in plaintext is ws://.',
    );
  }
  if (/CERTIFICATE_REQUIRED|certificate required/i.test(words)) {
    return new Trouble(
      'what terminates TLS asks for a certificate of the client',
      'Give one with --cert and --key. Peers need one too: where they have none, switch client certificates off for this host.',
    );
  }
  if (
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+)/i.test(words.replaceAll(' ', '_'))
  ) {
    return new Trouble(
      `the certificate of the client is refused (${printable(code)})`,
      'What terminates TLS takes those of some authorities only, and none that has expired or was revoked: give such a one with --cert and --key.',
    );
  }
  if (/PROTOCOL_VERSION|protocol version/i.test(words)) {
    return new Trouble('no common version of TLS', 'Let what terminates TLS speak TLS 1.2 or 1.3.');
  }
  if (
    /HANDSHAKE_FAILURE|UNRECOGNIZED_NAME|INTERNAL_ERROR|handshake failure|unrecognized name|internal error/i.test(words)
  ) {
    return new Trouble(
      `the TLS handshake is refused (${printable(code)})`,
      'What terminates TLS has no certificate for this name: add one, or correct the name. Or it asks for one of the client: give --cert and --key.',
    );
  }
  return new Trouble(`the TLS handshake failed (${printable(code)})`, 'Look at the log of what terminates TLS.');
}
