// Uses all that the package exports, as an application in TypeScript does. It is compiled, and never run.
import { connect, SignalError } from 'cairn-signal-client';
import type {
  Abortable,
  ConnectOptions,
  JoinOptions,
  Limits,
  Member,
  MemberChange,
  SendOptions,
  Signal,
  SignalEvents,
  SignalState,
  Socket,
  SocketConstructor,
  Topic,
  TopicEvents,
  TopicMessage,
  TypedTarget,
  Welcome,
} from 'cairn-signal-client';
import { CairnDiscovery, rendezvousTopics } from 'cairn-signal-client/cairn';
import type { ActiveTopics, RendezvousId } from 'cairn-signal-client/cairn';
import { connectPeer, connectPeers } from 'cairn-signal-client/rtc';
import type { Peer, PeerOptions, RTCPeerConnectionConstructor } from 'cairn-signal-client/rtc';

const options: ConnectOptions = { token: async () => 'token', backoff: { first: 500 } };
const signal: Signal = connect(['wss://a.example', 'wss://b.example'], options);
const state: SignalState = signal.state;
const welcome: Welcome | undefined = signal.welcome;
const limits: Limits | undefined = welcome?.limits;
const target: TypedTarget<SignalEvents> = signal;
target.addEventListener('down', ({ code, reason, final, type }) => console.log(code + 1, reason.length, final, type));
target.addEventListener('refused', ({ status, retry }) => console.log(status, retry));
// @ts-expect-error There is no such event.
target.addEventListener('downs', () => {});

const Class: SocketConstructor = WebSocket;
const socket: Socket = new Class('wss://a.example');
const join: JoinOptions = { presence: true, data: new Uint8Array() };
const topic: Topic = signal.join('topic', join);
const events: TypedTarget<TopicEvents> = topic;
events.addEventListener('message', ({ payload, from, to }: TopicMessage) => console.log(payload.length, from, to));
events.addEventListener('ended', ({ error }) => console.log(error instanceof SignalError && error.retry));
events.addEventListener('left', ({ member }: MemberChange) => console.log(member.id));
const members: ReadonlyMap<string, Member> = topic.members;
const patience: Abortable = { signal: AbortSignal.timeout(1000) };
const send: SendOptions = { ...patience, to: [...members.keys()][0] };
const handedTo: number | undefined = await topic.send(new Uint8Array([1]), send);

const secret = crypto.getRandomValues(new Uint8Array(32));
const of: RTCPeerConnectionConstructor = RTCPeerConnection;
const peerOptions: PeerOptions = {
  secret,
  RTCPeerConnection: of,
  channel: { ordered: false },
  config: { iceServers: await signal.iceServers() },
};
const { connection, channel, peer }: Peer = await connectPeer(signal, peerOptions);
for await (const each of connectPeers(signal, { topic: 'mesh' })) console.log(each.peer.id);

const id: RendezvousId = { toHex: () => '00' };
const discovery = new CairnDiscovery(signal);
await discovery.publish(id, new Uint8Array());
const active: ActiveTopics = await rendezvousTopics(secret);
console.log(
  socket.protocol,
  state,
  limits?.message,
  handedTo,
  connection.iceConnectionState,
  channel.label,
  peer.data,
  active.topics[0],
);
