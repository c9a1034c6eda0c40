import { connectPeers } from 'cairn-signal-client/rtc';
import {
  applyAwarenessUpdate,
  Awareness,
  encodeAwarenessUpdate,
  modifyAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness';
import * as Y from 'yjs';

/** First byte of a message: what I have (a state vector), what you lack (an update), who I am (an awareness update). */
const STATE = 0;
const UPDATE = 1;
const AWARENESS = 2;
/** First byte of a part of a message. All WebRTC implementations carry 16 KiB in one piece. */
const MORE = 0;
const LAST = 1;
const PART_BYTES = 16_384;
/** What may wait in a channel, in bytes, and the largest message. */
const MOST_BUFFERED = 1_048_576;
const MOST_MESSAGE = 64 * 1_048_576;

/**
 * Keeps a Yjs document the same at everybody who has the secret, over data channels. Owns the channels. Does not know
 * what the document holds. Invariant: what one peer has comes to all others, also over third ones, and nothing comes
 * back to where it came from.
 *
 * Events: `synced` (a peer has told all that it has), `peers` (somebody came or went), `error` (with `error`).
 */
export class CairnProvider extends EventTarget {
  /** The channels that are open. */
  peers = new Set();
  synced = false;
  #over = new AbortController();

  /**
   * @param {Y.Doc} doc
   * @param {import('cairn-signal-client').Signal} signal
   * @param {import('cairn-signal-client/rtc').PeerOptions & { awareness?: Awareness }} options
   */
  constructor(doc, signal, { awareness = new Awareness(doc), ...options }) {
    super();
    this.doc = doc;
    this.awareness = awareness;
    doc.on('update', this.#updated);
    doc.on('destroy', this.destroy);
    awareness.on('update', this.#seen);
    void this.#meet(signal, options);
  }

  /** Leaves everybody. The document stays. */
  destroy = () => {
    this.#over.abort();
    this.doc.off('update', this.#updated);
    this.doc.off('destroy', this.destroy);
    this.awareness.off('update', this.#seen);
    for (const peer of this.peers) peer.leave();
    this.awareness.destroy();
  };

  /** @internal */
  tell(type, fields = {}) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }

  async #meet(signal, options) {
    try {
      for await (const met of connectPeers(signal, { ...options, signal: this.#over.signal })) {
        const peer = new YjsPeer(this, met);
        this.peers.add(peer);
        this.tell('peers');
        met.channel.addEventListener('close', () => {
          this.peers.delete(peer);
          removeAwarenessStates(this.awareness, [...peer.clients], peer);
          this.tell('peers');
        });
      }
    } catch (error) {
      if (!this.#over.signal.aborted) this.tell('error', { error });
    }
  }

  #updated = (update, origin) => {
    for (const peer of this.peers) if (peer !== origin) peer.update(update);
  };

  #seen = ({ added, updated, removed }, origin) => {
    const changed = [...added, ...updated, ...removed];
    if (origin instanceof YjsPeer) {
      // Nobody else takes along whoever is here.
      for (const client of changed) if (client !== this.doc.clientID) origin.clients.add(client);
    }
    if (changed.includes(this.doc.clientID)) for (const peer of this.peers) peer.present();
  };
}

/**
 * One peer. Owns what waits to be said to it: one merged update, however slow it is. Does not know others. Invariant: a
 * message that is none ends the connection, and changes nothing.
 */
class YjsPeer {
  /** The awareness clients that it has told. */
  clients = new Set();
  #provider;
  #channel;
  #pending;
  #present = true;
  /** Parts of the message that is coming, and their bytes. */
  #parts = [];
  #bytes = 0;
  #busy = false;
  #first;

  constructor(provider, { channel }) {
    this.#provider = provider;
    this.#channel = channel;
    this.#first = [STATE, Y.encodeStateVector(provider.doc)];
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = MOST_BUFFERED / 2;
    channel.addEventListener('message', ({ data }) => {
      try {
        if (channel.readyState !== 'open') return;
        if (typeof data === 'string') throw new TypeError('text');
        this.#hear(new Uint8Array(data));
      } catch (error) {
        this.leave();
        provider.tell('error', { error: new Error('a peer sent what no peer sends', { cause: error }) });
      }
    });
    void this.#pump();
  }

  /** Ends the channel, and by that the connection. Both sides are told. */
  leave() {
    this.#channel.close();
  }

  /** Says this update, with others that wait. */
  update(update) {
    this.#pending = this.#pending ? Y.mergeUpdates([this.#pending, update]) : update;
    void this.#pump();
  }

  /** Says who is here. */
  present() {
    this.#present = true;
    void this.#pump();
  }

  #hear(part) {
    // All parts but the last are full: empty ones would pile up without being counted.
    if (part[0] !== LAST && (part[0] !== MORE || part.length !== PART_BYTES)) throw new TypeError('not a part');
    this.#parts.push(part.subarray(1));
    this.#bytes += part.length - 1;
    if (this.#bytes > MOST_MESSAGE) throw new RangeError('a message is too large');
    if (part[0] === MORE) return;
    const message = joined(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    this.#take(message[0], message.subarray(1));
  }

  #take(kind, content) {
    const { doc, awareness } = this.#provider;
    if (kind === STATE) this.update(Y.encodeStateAsUpdate(doc, content));
    else if (kind === UPDATE) {
      // Throws before anything of the document has changed.
      Y.decodeUpdate(content);
      Y.applyUpdate(doc, content, this);
      if (this.#provider.synced) return;
      this.#provider.synced = true;
      this.#provider.tell('synced');
    } else if (kind === AWARENESS) {
      // Throws before anything has changed, too.
      modifyAwarenessUpdate(content, (state) => state);
      applyAwarenessUpdate(awareness, content, this);
    } else throw new TypeError('no such message');
  }

  /** What is to be said next, if anything. */
  #next() {
    const { doc, awareness } = this.#provider;
    const [first, pending, present] = [this.#first, this.#pending, this.#present];
    if (first) {
      this.#first = undefined;
      return first;
    }
    if (pending) {
      this.#pending = undefined;
      return [UPDATE, pending];
    }
    this.#present = false;
    return present && awareness.states.has(doc.clientID)
      ? [AWARENESS, encodeAwarenessUpdate(awareness, [doc.clientID])]
      : undefined;
  }

  /** Says what waits, no faster than the peer takes it. */
  async #pump() {
    if (this.#busy) return;
    this.#busy = true;
    for (let next; (next = this.#next());) {
      const message = joined([[next[0]], next[1]], next[1].length + 1);
      for (let at = 0; at < message.length; at += PART_BYTES - 1) {
        const end = at + PART_BYTES - 1;
        if (this.#channel.bufferedAmount > MOST_BUFFERED) await this.#low();
        if (this.#channel.readyState !== 'open') return;
        this.#channel.send(joined([[end < message.length ? MORE : LAST], message.subarray(at, end)]));
      }
    }
    this.#busy = false;
  }

  #low() {
    return new Promise((resolve) => {
      for (const type of ['bufferedamountlow', 'close']) {
        this.#channel.addEventListener(type, resolve, { once: true });
      }
    });
  }
}

/** @param {readonly ArrayLike<number>[]} parts */
function joined(parts, bytes = parts.reduce((sum, part) => sum + part.length, 0)) {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
