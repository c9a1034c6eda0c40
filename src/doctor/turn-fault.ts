import type { IceUrl } from '../config/ice-urls.js';
import { TurnNonsense, TurnRefused } from '../turn/turn-client.js';
import { WireEnded } from '../turn/wire.js';
import { Trouble } from './finding.js';
import { networkFault } from './network-fault.js';
import { Unanswered } from './subject.js';

const CORRECT_PORT = 'correct the port in turn-urls or stun-urls';

/**
 * Explains why a STUN or TURN server gave nothing, and gives advice. `strays` is the number of messages that came, and
 * answered nothing. Repeats nothing that the server said.
 */
export function turnFault(error: unknown, { port, transport }: IceUrl, strays = 0): Trouble {
  if (error instanceof TurnRefused) return refused(error);
  if (error instanceof TurnNonsense) {
    return new Trouble(error.message, `What listens there is no TURN server as RFC 8656 has it: ${CORRECT_PORT}.`);
  }
  if (error instanceof Unanswered) {
    if (strays > 0) {
      return new Trouble(
        `${error.found}, but ${strays} packets that answer something else`,
        `Another service may listen there: ${CORRECT_PORT}.`,
      );
    }
    return new Trouble(
      error.found,
      `The port is closed, or a firewall drops it: open ${port}/${transport === 'udp' ? 'udp' : 'tcp'}, ` +
        "also in the cloud's security group and in a container's published ports.",
    );
  }
  if (error instanceof Trouble) return error;
  if (error instanceof WireEnded) {
    return error.garbled
      ? new Trouble(error.message, `Another service listens there: ${CORRECT_PORT}.`)
      : new Trouble('cut without an answer', `The server there takes no STUN over ${transport}: look at its log.`);
  }
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') {
    return new Trouble(
      'refused: nothing listens there',
      `Start the TURN server, or ${CORRECT_PORT}. In a container, publish the port; udp and tcp are published apart.`,
    );
  }
  if (code === 'ECONNRESET' && transport !== 'udp') {
    return new Trouble(
      'cut without an answer',
      `The server there takes no ${transport} on this port: look at its log.`,
    );
  }
  const fault = networkFault(error);
  if (code !== 'EPROTO' && !code.startsWith('ERR_SSL_')) return fault;
  const peer = /CERTIFICATE/i.test(`${code} ${message}`) ? 'Browsers show a TURN server no certificate. ' : '';
  return new Trouble(
    fault.found,
    `${peer}Give the TURN server a certificate for this name (coturn: cert and pkey), or ${CORRECT_PORT}: ` +
      'turns: is TLS from the first byte.',
  );
}

/** The sentence for an error code, and what to do (RFC 8489, section 14.8; RFC 8656, section 18). */
function refused({ code, authenticated, alternate }: TurnRefused): Trouble {
  if (code === 401 && !authenticated) {
    return new Trouble(
      '401 without realm and nonce',
      'It wants credentials of another kind: look at its configuration.',
    );
  }
  if (code === 300) {
    const to = alternate === undefined ? 'another server' : `${alternate.address} port ${alternate.port}`;
    return new Trouble(
      `it sends its clients to ${to} (300)`,
      'The doctor does not follow. Make sure that peers reach that server, or put its own URL into turn-urls.',
      { code },
    );
  }
  const [found, advice] = ERRORS[code] ?? ['refused', 'Look at the log of the TURN server.'];
  return new Trouble(`${found} (${code})`, advice, { code });
}

const ERRORS: Readonly<Partial<Record<number, readonly [found: string, advice: string]>>> = {
  400: ['it finds fault with the request', 'Look at the log of the TURN server.'],
  401: [
    'it refuses the credentials',
    'It has another secret than the first line of turn-secret-file (coturn: static-auth-secret, with use-auth-secret), ' +
      'or its clock is ahead: compare both.',
  ],
  403: [
    'it forbids this',
    'The TURN server lets nobody relay, or not from this address: look at its lists of addresses (coturn: ' +
      'allowed-peer-ip, denied-peer-ip) and at stun-only.',
  ],
  420: ['it does not know an attribute', 'Update the TURN server: it is older than RFC 5766.'],
  437: [
    'it mixes up allocations',
    'Something on the way gives two peers one port: try again, and look at NAT and proxy.',
  ],
  438: ['its nonce is stale, twice', 'Several servers answer for one address without knowing of each other: use one.'],
  440: ['it relays no IPv4', 'Give the TURN server an IPv4 relay address (coturn: relay-ip).'],
  441: ['it wants other credentials', 'Something on the way gives two peers one port: try again.'],
  442: ['it relays no UDP', 'Let it relay UDP (coturn: without no-udp-relay): peers use nothing else.'],
  486: [
    'the quota of this principal is used up',
    'Peers of one principal share a quota, by the name behind the colon of their username: raise it (coturn: ' +
      'user-quota), or end what allocates.',
  ],
  500: ['it failed', 'Look at the log of the TURN server.'],
  508: [
    'it has no room',
    'All its relay ports, or its quota for everybody, are used up: raise min-port to max-port and total-quota.',
  ],
};
