export { connect } from './signal.js';
export type { ConnectOptions, Signal, SignalEvents, SignalState } from './signal.js';
export type { JoinOptions, MemberChange, SendOptions, Topic, TopicEvents, TopicMessage } from './topic.js';
export type { Member, Socket, SocketConstructor } from './link.js';
export { SignalError } from './shared.js';
export type { Abortable, TypedTarget } from './shared.js';
export type { Limits, Welcome } from './wire.js';
