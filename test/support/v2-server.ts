import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { startWebSockets } from './odd-servers.js';
import { cbor } from './peer.js';
import { V2 } from './v2-peer.js';

/** A request, as it came: one key. */
export type Requests = Readonly<Partial<Record<string, { topic: string; id: number; payload: Buffer }>>>;

/** How the server behaves, and misbehaves. */
export interface V2Behaviour {
  /** What it says first. */
  readonly welcome?: readonly (object | Buffer)[];
  /** What it says to a request in place of what a good server says; undefined for that. */
  readonly odd?: ((request: Requests, peer: number) => readonly object[] | undefined) | undefined;
  /** Called when a peer has surely read the answer to a request; with {} for what was said first. */
  readonly read?: (request: Requests, peer: number, socket: WebSocket) => void;
  /** Whether members are told who is there, not only how many. Without it they are not told who they are, either. */
  readonly lists?: boolean;
  /** Members that never do anything. */
  readonly strangers?: number;
}

export const WELCOME = {
  Welcome: {
    server: 'odd',
    connection: '1',
    heartbeat: 30_000,
    features: [],
    limits: { message: 65_536, topic: 4096, topics: 1024, rate: 200, burst: 400, data: 1024, members: 32 },
  },
};

/** The id of the member that a connection is, by its number from 0. */
export const memberOf = (peer: number): Buffer => Buffer.alloc(8, peer + 1);

/** A server of cairn-signal.v2 with one topic. Resolves to its port. */
export function startV2({
  welcome = [WELCOME],
  odd = () => undefined,
  read = () => undefined,
  lists = true,
  strangers = 0,
}: V2Behaviour = {}): Promise<number> {
  const sockets: WebSocket[] = [];
  const members = Array.from({ length: strangers }, (_, index) => 100 + index);
  const say = (peer: number, ...messages: readonly (object | Buffer)[]): void => {
    for (const message of messages) sockets[peer]?.send(Buffer.isBuffer(message) ? message : cbor.encode(message));
  };
  const answer = (peer: number, { Subscribe, Relay, Ping }: Requests): void => {
    if (Subscribe !== undefined) {
      const { topic, id } = Subscribe;
      const joined = members.map((other) => ({ id: memberOf(other) }));
      for (const other of members) {
        say(other, {
          Members: { topic, count: members.length + 1, ...(lists && { joined: [{ id: memberOf(peer) }] }) },
        });
      }
      members.push(peer);
      const full = { topic, count: members.length, ...(lists && { self: memberOf(peer), joined }) };
      say(peer, { Members: full }, { Ack: { id } });
    } else if (Relay !== undefined) {
      const { topic, id, payload } = Relay;
      const others = members.filter((other) => other !== peer);
      for (const other of others) say(other, { Relay: { topic, payload, from: memberOf(peer) } });
      say(peer, { Ack: { id, to: others.length } });
    } else if (Ping !== undefined) say(peer, { Pong: { id: Ping.id } });
  };
  return startWebSockets(
    (socket) => {
      const peer = sockets.push(socket) - 1;
      const said = (request: Requests): void => {
        socket.ping();
        void once(socket, 'pong').then(() => read(request, peer, socket));
      };
      say(peer, ...welcome);
      said({});
      socket.on('message', (data: Buffer) => {
        const request = cbor.decode(data) as Requests;
        const messages = odd(request, peer);
        if (messages === undefined) answer(peer, request);
        else say(peer, ...messages);
        said(request);
      });
    },
    { handleProtocols: (offered) => offered.has(V2) && V2 },
  );
}
