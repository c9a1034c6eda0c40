import { Peer } from './peer.js';
import type { PeerOptions } from './peer.js';

/** A peer of the JSON dialect that says and hears exactly what a test gives it. */
export class JsonPeer {
  private constructor(readonly peer: Peer) {}

  static async connect(url: string, options: PeerOptions = {}): Promise<JsonPeer> {
    return new JsonPeer(await Peer.connect(url, options));
  }

  /** Sends a message, or a text as it stands, and gives all that was answered. */
  async say(message: object | string): Promise<unknown[]> {
    const before = this.peer.texts.length;
    this.peer.send(typeof message === 'string' ? message : JSON.stringify(message));
    await this.peer.sync();
    return this.peer.texts.slice(before).map((text) => JSON.parse(text) as unknown);
  }

  publish(topic: string, payload: string | Buffer): Promise<unknown[]> {
    return this.say({ type: 'publish', topic, payload: Buffer.from(payload).toString('base64') });
  }

  announce(topic: string, addresses: string[], peerId?: string): Promise<unknown[]> {
    return this.say({ type: 'announce', topic, peer_id: peerId, addresses });
  }

  async query(topic: string): Promise<{ payload: string | null; peers: { peer_id: string; addresses: string[] }[] }> {
    const [answer] = await this.say({ type: 'query', topic });
    return answer as { payload: string | null; peers: { peer_id: string; addresses: string[] }[] };
  }
}
