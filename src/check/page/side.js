import { noAddresses, notConnected, noWebRtc, pingLost } from './fault.js';

/** @typedef {import('./peer.js').Peer} Peer */

/** Number of pings over the data channel. Their median counts. */
const PINGS = 9;

/**
 * One side of a WebRTC connection. Owns the RTCPeerConnection. Its descriptions and candidates travel through its peer.
 * Does not use STUN or TURN: the page talks to no server but this one.
 * Invariant: sends its offer or answer before any of its candidates.
 */
export class Side {
  /** Resolves when a candidate from the other side has come through the server. */
  reached;
  /** Rejects with a Fault when this side can no longer connect. */
  stuck;
  /** Number of candidates that this side has found. */
  gathered = 0;
  #peer;
  #connection;
  /** @type {(value?: unknown) => void} */
  #onReached = () => {};

  /**
   * Throws a Fault if the browser has no WebRTC.
   * @param {Peer} peer
   */
  constructor(peer) {
    this.#peer = peer;
    const connection = connect();
    this.#connection = connection;
    this.reached = new Promise((resolve) => {
      this.#onReached = resolve;
    });
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate === null || candidate.candidate === '') return;
      this.gathered += 1;
      peer.say({ type: 'candidate', candidate: candidate.toJSON() });
    });
    this.stuck = new Promise((_, reject) => {
      connection.addEventListener('icegatheringstatechange', () => {
        if (connection.iceGatheringState === 'complete' && this.gathered === 0) reject(noAddresses());
      });
      connection.addEventListener('connectionstatechange', () => {
        if (connection.connectionState === 'failed') reject(notConnected());
      });
    });
    this.stuck.catch(() => {});
  }

  /**
   * Opens a channel and offers it to the other side. Resolves to the channel, and to the size of the offer in bytes.
   */
  async offer() {
    const channel = this.#connection.createDataChannel('check');
    const offer = await this.#connection.createOffer();
    const size = this.#describe('offer', offer);
    // The browser gathers candidates from here on.
    await this.#connection.setLocalDescription(offer);
    return { channel, size };
  }

  /** Accepts the offer from the other side. Sends back everything that comes over its channel. */
  async takeOffer() {
    this.#connection.addEventListener('datachannel', ({ channel }) => {
      channel.addEventListener('message', ({ data }) => channel.send(data));
    });
    await this.#connection.setRemoteDescription(await this.#peer.hear('offer'));
  }

  /** Answers the offer. Resolves to the size of the answer in bytes. */
  async answer() {
    const answer = await this.#connection.createAnswer();
    const size = this.#describe('answer', answer);
    await this.#connection.setLocalDescription(answer);
    return size;
  }

  async takeAnswer() {
    await this.#connection.setRemoteDescription(await this.#peer.hear('answer'));
  }

  /** Accepts candidates from the other side, until `end`. */
  async takeCandidates() {
    for (;;) {
      const { candidate } = await this.#peer.hear('candidate');
      await this.#connection.addIceCandidate(candidate);
      this.#onReached();
    }
  }

  end() {
    this.#connection.close();
  }

  /**
   * @param {'offer' | 'answer'} type
   * @param {RTCSessionDescriptionInit} description
   */
  #describe(type, { sdp = '' }) {
    this.#peer.say({ type, sdp });
    return sdp.length;
  }
}

function connect() {
  try {
    return new RTCPeerConnection({ iceServers: [] });
  } catch {
    throw noWebRtc();
  }
}

/** @param {RTCDataChannel} channel */
export function opened(channel) {
  return new Promise((resolve) => {
    if (channel.readyState === 'open') resolve(undefined);
    else channel.addEventListener('open', resolve, { once: true });
  });
}

/**
 * The median of some round trips over an open channel, in milliseconds. Rejects with a Fault when the channel ends.
 * @param {RTCDataChannel} channel
 */
export async function ping(channel) {
  const times = [];
  for (let i = 0; i < PINGS; i++) {
    const began = performance.now();
    await new Promise((resolve, reject) => {
      channel.addEventListener('message', resolve, { once: true });
      channel.addEventListener('close', () => reject(pingLost()), { once: true });
      channel.send(`ping ${i}`);
    });
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[(PINGS - 1) / 2];
}
