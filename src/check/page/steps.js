/** @typedef {'server' | 'admission' | 'sockets' | 'rendezvous'} BeforeWebRtc */
/** @typedef {'offer' | 'answer' | 'candidates' | 'channel' | 'ping' | 'relay'} WebRtc */
/** @typedef {BeforeWebRtc | WebRtc} StepId */

/**
 * The steps of the check, in order.
 * @type {readonly { readonly id: StepId, readonly title: string, readonly about: string }[]}
 */
export const STEPS = [
  { id: 'server', title: 'The server answers', about: 'plain HTTP reaches it' },
  { id: 'admission', title: 'It lets this page in', about: 'token, origin, limits' },
  { id: 'sockets', title: 'Two WebSockets open', about: 'the upgrade, through every proxy' },
  { id: 'rendezvous', title: 'The peers meet', about: 'on a random topic, over CBOR' },
  { id: 'offer', title: 'The offer arrives', about: 'WebRTC, relayed by the server' },
  { id: 'answer', title: 'The answer comes back', about: 'WebRTC, relayed by the server' },
  { id: 'candidates', title: 'ICE candidates cross', about: 'relayed both ways' },
  { id: 'channel', title: 'The data channel opens', about: 'from peer to peer' },
  { id: 'ping', title: 'Pings return over it', about: 'past the server' },
  { id: 'relay', title: 'A relay is reached', about: 'TURN, where the server has it' },
];

/** The steps from connect to open channel, whose times count towards the goal. */
export const TIMED = new Set(['sockets', 'rendezvous', 'offer', 'answer', 'candidates', 'channel']);

/** The goal for the timed steps together, in milliseconds. */
export const GOAL_MS = 1000;

/** @param {number} milliseconds */
export function inWords(milliseconds) {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  return milliseconds < GOAL_MS ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
