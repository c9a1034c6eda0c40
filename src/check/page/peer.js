import { connect, connectPeer } from './client.js';
import { closed, Fault, noAddresses, notConnected, noWebRtc, pingLost, refusedRequest, unexpected } from './fault.js';

/** Codes of the client's own (client/README.md) for what should not happen here. All others are the server's. */
const OURS = /^(?:malformed|bad_note|negotiation|busy)$/;

/** Number of pings over the data channel. Their median counts. */
const PINGS = 9;

/**
 * Something that is awaited.
 * @template Value
 */
class Moment {
  /** @type {(value: Value) => void} */
  come = () => {};
  /** @type {(fault: Error) => void} */
  fail = () => {};
  /** @type {Promise<Value>} */
  promise = new Promise((resolve, reject) => Object.assign(this, { come: resolve, fail: reject }));

  constructor() {
    this.promise.catch(() => {});
  }
}

/**
 * One of the two peers: the client, watched. Owns its connection to the server, and the one to the other peer. Does not
 * know the steps of the check. Its connection uses neither STUN nor TURN: no server but this one is needed for it.
 * Invariant: what it waits for is told once, whether somebody asks before it comes or after.
 */
export class Peer {
  /** @type {Moment<void>} The WebSocket is open. Fails when it does not open; the browser does not say why. */
  opened = new Moment();
  /** @type {Moment<void>} The other peer is known to be there. */
  met = new Moment();
  /** @type {{ offer: Moment<number>, answer: Moment<number> }} What the other peer said arrived, of so many bytes. */
  heard = { offer: new Moment(), answer: new Moment() };
  /** @type {Moment<void>} A candidate of the other peer arrived. */
  reached = new Moment();
  /** @type {Moment<RTCDataChannel>} The channel is open. */
  connected = new Moment();
  /** @type {Moment<never>} Fails with a Fault when the connection to the server ends, or the server refuses something. */
  lost = new Moment();
  /** @type {Moment<never>} Fails with a Fault when WebRTC cannot connect the peers. */
  stuck = new Moment();
  /** Number of candidates that this side has found. */
  gathered = 0;
  /** The subprotocol that the server selected; empty for none. */
  protocol = '';
  /** @type {RTCPeerConnection | undefined} */
  #connection;
  #over = new AbortController();
  #signal;

  /**
   * @param {string} url
   * @param {string} token empty for none
   */
  constructor(url, token) {
    const peer = this;
    const Watched = class extends WebSocket {
      /** @param {ConstructorParameters<typeof WebSocket>} args */
      constructor(...args) {
        super(...args);
        this.addEventListener('open', () => {
          peer.protocol = this.protocol;
          peer.opened.come();
        });
      }
    };
    this.#signal = connect(url, { token: token || undefined, WebSocket: Watched, signal: this.#over.signal });
    this.#signal.addEventListener('refused', ({ reason }) => this.opened.fail(new Error(reason)));
    this.#signal.addEventListener('down', (end) => this.lost.fail(closed(end)));
    this.#signal.addEventListener('error', ({ error }) => this.#fail(error));
  }

  /**
   * Meets the other peer on this topic, and connects to it.
   * @param {string} topic
   * @param {'initiator' | 'responder'} role
   */
  meet(topic, role) {
    const watch = () => this.#watch();
    const Watched = class {
      constructor() {
        return watch();
      }
    };
    connectPeer(this.#signal, {
      topic,
      role,
      config: { iceServers: [] },
      signal: this.#over.signal,
      RTCPeerConnection: /** @type {typeof RTCPeerConnection} */ (/** @type {unknown} */ (Watched)),
    }).then(
      ({ channel }) => this.connected.come(channel),
      (error) => this.#fail(error),
    );
  }

  /** What the server tells peers to use, so that they reach each other. */
  iceServers() {
    return this.#signal.iceServers();
  }

  end() {
    this.#over.abort();
    this.#connection?.close();
  }

  /** The client asks for a connection once it knows the other peer. */
  #watch() {
    this.met.come();
    const connection = this.#connect();
    this.#connection = connection;
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.candidate) this.gathered += 1;
    });
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete' && this.gathered === 0) this.stuck.fail(noAddresses());
    });
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'failed') this.stuck.fail(notConnected());
    });
    return connection;
  }

  #connect() {
    const peer = this;
    try {
      const Watched = class extends RTCPeerConnection {
        /** @override @param {RTCSessionDescriptionInit} description */
        setRemoteDescription(description) {
          const { type, sdp = '' } = description;
          if (type === 'offer' || type === 'answer') peer.heard[type].come(sdp.length);
          return super.setRemoteDescription(description);
        }

        /** @override @param {RTCIceCandidateInit} candidate */
        addIceCandidate(candidate) {
          peer.reached.come();
          return super.addIceCandidate(candidate);
        }
      };
      return new Watched({ iceServers: [] });
    } catch {
      const fault = noWebRtc();
      this.stuck.fail(fault);
      throw fault;
    }
  }

  /** @param {Error & { readonly code?: string }} error */
  #fail(error) {
    if (error instanceof Fault) return;
    const { code = '', message } = error;
    this.lost.fail(code === '' || OURS.test(code) ? unexpected(error) : refusedRequest({ code, message }));
  }
}

/** A random topic in the form of cairn's: 64 hex characters. */
export function randomTopic() {
  return Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The median of some round trips between the ends of a channel, in milliseconds. Rejects with a Fault when the channel
 * ends.
 * @param {RTCDataChannel} near
 * @param {RTCDataChannel} far
 */
export async function ping(near, far) {
  far.addEventListener('message', ({ data }) => far.send(data));
  const times = [];
  for (let i = 0; i < PINGS; i++) {
    const began = performance.now();
    await new Promise((resolve, reject) => {
      near.addEventListener('message', resolve, { once: true });
      near.addEventListener('close', () => reject(pingLost()), { once: true });
      near.send(`ping ${i}`);
    });
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[(PINGS - 1) / 2];
}
