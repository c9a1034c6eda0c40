/**
 * Why the check stopped: what is wrong, and advice, one or two plain sentences each. Never holds a token or a topic.
 */
export class Fault extends Error {
  /**
   * @param {string} sentence
   * @param {string} advice
   */
  constructor(sentence, advice) {
    super(sentence);
    this.advice = advice;
  }
}

export const unreachable = () =>
  new Fault(
    'The server does not answer.',
    'Is it still running, and does this address still lead to it? ' +
      'A firewall or a lost network looks the same from here.',
  );

/** @param {string} what */
export const notOurs = (what) =>
  new Fault(
    `Something other than cairn-signal answers here (${what}).`,
    'A proxy in front may not reach the server, may ask for its own login, or may pass on only some paths. ' +
      'It must pass on all paths.',
  );

export const tokenUnsendable = () =>
  new Fault(
    'This cannot be a token.',
    'A token has only visible ASCII characters. Did a line break or a typographic character get copied along?',
  );

/** Part of the server's sentence for a token that it does not know. */
const UNKNOWN_TOKEN = /this server (?:knows|does not know)/i;

/**
 * Explains the status of a refused upgrade.
 * @param {object} refusal
 * @param {number} refusal.status
 * @param {string} refusal.message the server's own sentence
 * @param {string | null} refusal.retryAfter
 * @param {boolean} refusal.withToken
 */
export function refused({ status, message, retryAfter, withToken }) {
  const again = `Start again in ${retryAfter ?? 'some'} s.`;
  switch (status) {
    case 401:
      if (!withToken) {
        return new Fault(
          'This server asks for a token.',
          'Enter one above. The operator finds it in auth-token or auth-token-file. ' +
            'A token with a name was printed only when it was made.',
        );
      }
      if (message.includes('needs a bearer token')) {
        return new Fault(
          'The token does not arrive.',
          'A proxy in front of the server removes the Authorization header. It must pass the header on.',
        );
      }
      if (UNKNOWN_TOKEN.test(message)) {
        return new Fault(
          'The server refuses this token.',
          'Compare it with auth-token, or the lines of auth-token-file, on the server: ' +
            'it may be cut short, or no longer valid. For a token with a name, the file holds only the SHA-256. ' +
            'If the token is lost, "cairn-signal token new" makes another.',
        );
      }
      return new Fault(
        message,
        'Ask for another token where it issues the tokens. The settings jwt-issuer and jwt-audience say which ' +
          'tokens the server accepts, or a custom guard decides.',
      );
    case 403:
      return new Fault(message, forbidden(message));
    case 429:
      return new Fault(
        message,
        `${again} If the server is behind a proxy, name the proxy in trusted-proxies. ` +
          'Then the server can tell people behind it apart.',
      );
    case 503:
      return new Fault(message, again);
    default:
      return new Fault(message, `${retryAfter === null ? '' : `${again} `}${ofGuard(status)}`);
  }
}

/**
 * Advice for a 403. The sentence of a built-in refusal names its setting; the sentence of a guard does not.
 * @param {string} message
 */
function forbidden(message) {
  if (message.includes('allowed-origins')) return `The operator can add ${location.origin} to allowed-origins.`;
  if (message.includes('client certificate')) {
    return (
      'Install one in this browser, from the operator of the server, and restart the browser. ' +
      'A proxy that terminates TLS passes on no client certificate.'
    );
  }
  return ofGuard(403);
}

/** @param {number} status */
const ofGuard = (status) =>
  `A custom guard of the server says so (HTTP ${status}): ask its operator. ` +
  'If it has none, a proxy in front answers for the server. It must pass on all paths.';

export const webSocketBlocked = () =>
  new Fault(
    'The server lets this page in, but no WebSocket opens: something in between strips the upgrade.',
    'A reverse proxy must speak HTTP/1.1 to the server and pass on the Upgrade and Connection headers. ' +
      'The server answers a request without them with 426. ' +
      'A filter on this network or in this browser may also be the cause.',
  );

/** @param {string} what */
export const notRelayed = (what) =>
  new Fault(
    `The WebSockets are open, but ${what} does not arrive.`,
    'Both peers must reach the same server: behind a load balancer, all nodes need the same nats-url. ' +
      'A proxy must pass on WebSocket messages without delay. Or a topic policy, or the claim topics of a JWT, ' +
      'forbids the random topics that this page uses.',
  );

/**
 * Explains an Error of cairn-signal.v2.
 * @param {{ readonly code: string, readonly message: string }} error
 */
export const refusedRequest = ({ code, message }) =>
  new Fault(
    `The server refuses what a peer asked, and says “${message}” (${code}).`,
    code === 'forbidden'
      ? 'A topic policy, or the claim topics of a JWT, forbids the random topics that this page uses.'
      : 'The setting that it names is too small for a handshake of two peers.',
  );

export const noWebRtc = () =>
  new Fault(
    'This browser has no WebRTC, or WebRTC is turned off.',
    'A setting, an extension or a policy blocks it. Try another browser. The server is fine: all steps so far passed.',
  );

export const noAddresses = () =>
  new Fault(
    'The browser gives WebRTC no network address to connect from.',
    'This machine has no network, or a setting, an extension or a policy keeps WebRTC off it. Try another browser. ' +
      'The server is fine: it relayed offer and answer.',
  );

export const notConnected = () =>
  new Fault(
    'The server relayed everything, but the two peers cannot reach each other.',
    'A firewall on this machine, or a policy of the browser, blocks UDP between them. The server is fine.',
  );

export const pingLost = () =>
  new Fault(
    'The data channel opened, but no ping returns over it.',
    'Something on this machine cuts UDP off. The server is fine.',
  );

/** Said of each fault of a relay. */
const ONLY_RELAYS = 'Peers that reach each other directly need no relay; all other steps passed.';

/** @param {{ readonly message: string }} error the server's own words */
export const noIceServers = ({ message }) =>
  new Fault(
    `The server has TURN servers, but tells of none: “${message}”.`,
    `Its log says why: its ice-provider may have failed. ${ONLY_RELAYS}`,
  );

/** @type {Readonly<Record<number, readonly [sentence: string, advice: string]>>} */
const TURN_REFUSALS = {
  401: [
    'refuses the credentials of this server',
    'It has another secret than the first line of turn-secret-file (coturn: static-auth-secret, with use-auth-secret), ' +
      'or its clock is ahead. “cairn-signal doctor” tells which.',
  ],
  403: ['does not relay for this page', 'Its lists of addresses say so (coturn: allowed-peer-ip, denied-peer-ip).'],
  486: [
    'says that the quota of this principal is used up',
    'Other pages and devices of the same principal, or address, hold relays. Raise the quota (coturn: user-quota).',
  ],
  508: ['has no room for another relay', 'Give it more ports (coturn: min-port to max-port), or a larger total-quota.'],
};

/**
 * A TURN server answered with an error.
 * @param {number} code
 * @param {string} url
 */
export function turnRefused(code, url) {
  const [sentence, advice] = TURN_REFUSALS[code] ?? ['gives no relay', 'Look at the log of the TURN server.'];
  return new Fault(`The TURN server ${sentence} (${code}, ${url}).`, `${advice} ${ONLY_RELAYS}`);
}

/**
 * @param {string} url
 * @param {number} others how many more there are
 */
export const turnUnreached = (url, others) =>
  new Fault(
    `The browser does not reach the TURN server (${url}${others === 0 ? '' : `, nor ${others} more`}).`,
    (url.startsWith('turns:')
      ? 'The port is closed, or the certificate is not for this name, has expired, or is not trusted by browsers. '
      : 'It is not running, or its port is closed, or a firewall drops it: udp and tcp are opened apart. ') +
      `“cairn-signal doctor” tells which. ${ONLY_RELAYS}`,
  );

export const relaysApart = () =>
  new Fault(
    'The TURN server gives relays, but they do not reach each other.',
    'It may not send to its own address: behind NAT, or in a container, it needs its public address (coturn: external-ip) ' +
      `and the right to reach its inner one (allowed-peer-ip). Or its relay ports are closed. ${ONLY_RELAYS}`,
  );

/** @type {Readonly<Record<number, string>>} Advice by close code: docs/protocol.md, section 4. */
const AFTER_CLOSE = {
  1001: 'The server stops, or starts again. Start again in a moment.',
  1006: 'No goodbye: the network was lost, or something in between cut the connection.',
  1008: 'The setting that it names is too small for a handshake of two peers.',
  1009: 'The setting that it names is too small for a handshake of two peers.',
  4001: 'Start again with a new token.',
  4002: 'An operator closed all connections of this principal. Ask them why, or start again later.',
  4003: 'The topic policy of this server changed its mind about a topic. Start again, or ask its operator.',
};

/**
 * Explains that the server closed an open connection.
 * @param {{ readonly code: number, readonly reason: string }} close
 */
export function closed({ code, reason }) {
  const said = reason === '' ? 'without a reason' : `and said “${reason}”`;
  const sentence =
    code === 1006 ? 'A connection was cut (code 1006).' : `The server closed a connection ${said} (code ${code}).`;
  return new Fault(sentence, AFTER_CLOSE[code] ?? 'docs/protocol.md, section 4, explains the code. Start again.');
}

/** @param {unknown} error */
export const unexpected = (error) =>
  new Fault(
    `The page itself failed: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
    'Please report this bug, and include the report below. Another browser may get further.',
  );
