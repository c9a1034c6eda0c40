/** Why the check stopped: what is wrong, and what mends it, a plain sentence or two each. Never holds a token or a topic. */
export class Fault extends Error {
  /**
   * @param {string} sentence
   * @param {string} mend
   */
  constructor(sentence, mend) {
    super(sentence);
    this.mend = mend;
  }
}

export const unreachable = () =>
  new Fault(
    'The server does not answer.',
    'Does it still run, and does this address still lead to it? A firewall, or a lost network, looks the same from here.',
  );

/** @param {string} what */
export const notOurs = (what) =>
  new Fault(
    `Something other than cairn-signal answers here (${what}).`,
    'A proxy in front may not reach the server, ask for a login of its own, or send only some paths on: it must pass all of them.',
  );

export const tokenUnsendable = () =>
  new Fault(
    'This cannot be a token.',
    'A token has visible ASCII characters only. Did a line break or a typographic character come along with the copy?',
  );

/**
 * What a status that refuses an upgrade means.
 * @param {{ readonly status: number, readonly message: string, readonly retryAfter: string | null, readonly withToken: boolean }} refusal `message` is the server's own sentence.
 */
export function refused({ status, message, retryAfter, withToken }) {
  const again = `Start again in ${retryAfter ?? 'some'} s.`;
  switch (status) {
    case 401:
      if (!withToken) {
        return new Fault(
          'This server asks for a token.',
          'Enter one above. Who runs the server finds it in auth-token or auth-token-file; one that has a name there was printed only when it was made.',
        );
      }
      if (message.includes('needs a bearer token')) {
        return new Fault(
          'The token does not arrive.',
          'A proxy in front of the server removes the Authorization header: it must pass it on.',
        );
      }
      if (message.includes('does not know this token')) {
        return new Fault(
          'The server refuses this token.',
          'Compare it with auth-token, or the lines of auth-token-file, on the server: it may be cut short, or no longer valid. Of a token with a name the file has only the SHA-256; where it is lost, "cairn-signal token new" makes another.',
        );
      }
      return new Fault(
        message,
        'Whoever issues the tokens gives out another one. Which ones it takes, the server says in jwt-issuer and jwt-audience, or a guard of its own decides.',
      );
    case 403:
      return new Fault(message, forbidden(message));
    case 429:
      return new Fault(
        message,
        `${again} If the server stands behind a proxy, name that in trusted-proxies, so that people behind it are told apart.`,
      );
    case 503:
      return new Fault(message, again);
    default:
      return new Fault(message, `${retryAfter === null ? '' : `${again} `}${ofGuard(status)}`);
  }
}

/**
 * What mends a 403, whose sentence names the setting; a guard's does not.
 * @param {string} message
 */
function forbidden(message) {
  if (message.includes('allowed-origins')) return `Whoever runs it can add ${location.origin} to allowed-origins.`;
  if (message.includes('tls-client-ca')) {
    return 'Install one in this browser that whoever runs the server gives out, and start the browser anew. A proxy that terminates TLS lets none through.';
  }
  return ofGuard(403);
}

/** @param {number} status */
const ofGuard = (status) =>
  `It is a guard of whoever runs the server that says so (HTTP ${status}): ask there. If not, a proxy in front answers in the server’s place: it must pass all paths on.`;

export const webSocketBlocked = () =>
  new Fault(
    'The server lets this page in, but no WebSocket opens: something between strips the upgrade.',
    'A reverse proxy must speak HTTP/1.1 to the server and pass the Upgrade and Connection headers on; what arrives without them the server answers with 426. A filter on this network or in this browser may do the same.',
  );

/** @param {string} what */
export const notRelayed = (what) =>
  new Fault(
    `The WebSockets are open, but ${what} does not arrive through them.`,
    'Both peers must reach the same server: behind a load balancer, all nodes need the same nats-url. A proxy must pass WebSocket messages on at once. Or a topic policy, or the claim topics of a JWT, forbids random topics, as this page uses.',
  );

export const noWebRtc = () =>
  new Fault(
    'This browser has no WebRTC, or has it switched off.',
    'A setting, an extension or a policy blocks it; try another browser. The server is fine: everything up to here passed.',
  );

export const noAddresses = () =>
  new Fault(
    'The browser gives WebRTC no network address to connect with.',
    'This machine has no network, or a setting, an extension or a policy keeps WebRTC from it; try another browser. The server is fine: it relayed offer and answer.',
  );

export const notConnected = () =>
  new Fault(
    'The server relayed everything, but the two peers do not reach each other.',
    'A firewall on this machine, or a policy of the browser, blocks UDP between them. The server is fine.',
  );

export const pingLost = () =>
  new Fault(
    'The data channel opened, but nothing comes back over it.',
    'Something on this machine cuts UDP off. The server is fine.',
  );

/** @type {Readonly<Record<number, string>>} What mends a close, by its code: docs/protocol.md, section 4. */
const AFTER_CLOSE = {
  1006: 'Without a goodbye: the network was lost, or something between cut the connection.',
  1008: 'The setting that it names is too small for a handshake of two peers.',
  1009: 'The setting that it names is too small for a handshake of two peers.',
  1012: 'Start again in a moment.',
  4001: 'Start again with a new token.',
};

/**
 * The server ended a connection that was open.
 * @param {{ readonly code: number, readonly reason: string }} close
 */
export const closed = ({ code, reason }) =>
  new Fault(
    code === 1006
      ? 'A connection was cut (code 1006).'
      : `The server closed a connection: ${reason === '' ? 'without a reason' : `“${reason}”`} (code ${code}).`,
    AFTER_CLOSE[code] ?? 'docs/protocol.md, section 4, tells what the code means. Start again.',
  );

/** @param {unknown} error */
export const unexpected = (error) =>
  new Fault(
    `The page itself failed: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
    'Please report this, with the report below. Another browser may get further.',
  );
