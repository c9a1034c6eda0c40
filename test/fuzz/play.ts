import type { ConnectionRegistry } from '../../src/presence/connection-registry.js';
import { Peer, relayMessage, settle } from '../support/peer.js';
import { Model } from './model.js';
import type { Step } from './model.js';
import { until } from '../support/until.js';

/** The server that sequences are played on. */
export interface Stage {
  readonly url: string;
  readonly connections: ConnectionRegistry;
  /** Connected all the time. Its barrier gives the server time to see that others have left. */
  readonly witness: Peer;
  /** Lets time pass on the server. */
  pass(milliseconds: number): void;
}

interface Actor {
  readonly peer: Peer;
  /** Its number in the model. */
  readonly connection: number;
}

/**
 * Plays one sequence on real connections and, next to it, in the model. What a peer sends in a row follows immediately.
 * The server has handled it before another peer has its turn. So the order of all messages is known, and with it what
 * everybody receives.
 */
export class Play {
  readonly model = new Model();
  /** By connection, as the model has it. */
  readonly heard: unknown[][] = [];
  readonly #actors = new Map<number, Actor>();
  #turn: Actor | undefined;

  /** `prefix` makes the topics unique to the sequence. */
  constructor(
    private readonly stage: Stage,
    private readonly prefix: string,
  ) {}

  async take(step: Step, i: number): Promise<void> {
    if (step.act === 'wait') {
      await this.#endTurn(undefined);
      this.stage.pass(step.milliseconds);
      this.model.wait(step.milliseconds);
      return;
    }
    await this.#endTurn(this.#actors.get(step.who));
    this.#turn ??= await this.#connect(step.who);
    if (step.act === 'close' || step.act === 'cut') await this.#leave(this.#turn, step);
    else this.#say(this.#turn, step, i);
  }

  /** Resolves when all that was sent is handled, and all that the server sent is here. */
  async settle(): Promise<void> {
    const peers = [...this.#actors.values()].map(({ peer }) => peer);
    await settle(peers, peers);
  }

  /** Ends all connections. */
  async end(): Promise<void> {
    for (const { peer } of this.#actors.values()) peer.socket.terminate();
    this.#actors.clear();
    await this.#gone();
  }

  async #endTurn(next: Actor | undefined): Promise<void> {
    if (this.#turn !== next) await this.#turn?.peer.sync();
    this.#turn = next;
  }

  async #connect(who: number): Promise<Actor> {
    // Sources are addresses here, and the whole of 127.0.0.0/8 is this machine.
    const source = `127.0.0.${1 + (who % 2)}`;
    const peer = await Peer.connect(this.stage.url, { localAddress: source });
    const heard: unknown[] = [];
    peer.socket.on('message', (data: Buffer, isBinary: boolean) =>
      heard.push(isBinary ? data.toString('latin1') : withoutSentence(data.toString())),
    );
    const actor = { peer, connection: this.heard.push(heard) - 1 };
    this.#actors.set(who, actor);
    this.model.connect(source);
    return actor;
  }

  async #leave({ peer, connection }: Actor, { act, who }: Step & { readonly who: number }): Promise<void> {
    if (act === 'close') {
      await peer.close();
    } else {
      await peer.sync();
      peer.socket.terminate();
    }
    this.#actors.delete(who);
    this.#turn = undefined;
    await this.#gone();
    this.model.disconnect(connection);
  }

  /** Resolves when the server has forgotten everybody who has left. */
  async #gone(): Promise<void> {
    await until(
      () => this.stage.connections.size <= this.#actors.size + 1,
      () => this.stage.witness.sync(),
    );
  }

  #say({ peer, connection }: Actor, step: Exclude<Step, { act: 'wait' }>, i: number): void {
    const { model } = this;
    const topic = 'topic' in step ? this.prefix + step.topic : '';
    // Each payload says which step it is from, so that no two are confused.
    const payload = Buffer.alloc('size' in step ? step.size : 0, `${i} `);
    switch (step.act) {
      case 'subscribe':
        peer.subscribe(topic);
        return model.subscribe(connection, topic);
      case 'unsubscribe':
        peer.unsubscribe(topic);
        return model.unsubscribe(connection, topic);
      case 'relay':
        peer.relay(topic, payload);
        return model.relay(connection, topic, payload);
      case 'relay leniently':
        peer.send(Buffer.concat([Buffer.from('c0', 'hex'), relayMessage(topic, payload), Buffer.from('00', 'hex')]));
        return model.relay(connection, topic, payload);
      case 'publish':
        peer.send(JSON.stringify({ type: 'publish', topic, payload: payload.toString('base64') }));
        return model.publish(connection, topic, payload);
      case 'announce':
        peer.send(
          JSON.stringify({
            type: 'announce',
            topic,
            ...(step.peerId !== '' && { peer_id: step.peerId }),
            addresses: step.addresses,
          }),
        );
        return model.announce(connection, topic, step.peerId, step.addresses);
      case 'query':
        peer.send(JSON.stringify({ type: 'query', topic }));
        return model.query(connection, topic);
      default:
        if (step.act === 'talk nonsense') {
          for (const nonsense of [Buffer.from('ff', 'hex'), '{"type":"other"}', Buffer.alloc(0), '']) {
            peer.send(nonsense);
          }
        }
        return undefined;
    }
  }
}

/** Returns an answer as a value, without the sentence that explains an error, which the model does not know. */
function withoutSentence(text: string): unknown {
  const { message: _sentence, ...answer } = JSON.parse(text) as Record<string, unknown>;
  return answer;
}
