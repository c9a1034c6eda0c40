// What the examples share of peers: the client on a connection of its own, and what a server answers to those whom it
// does not let in.
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { connect } from 'cairn-signal-client';
import { WebSocket } from 'ws';

/**
 * Connects the client. `options` are those of `ws` for the handshake, such as a certificate. Where one connection ends is
 * what the examples show, so it does not come back: `ended` resolves to the code and the reason.
 */
export async function connectWith({ url, token, ...options }) {
  class Socket extends WebSocket {
    constructor(address, protocols) {
      super(address, protocols, options);
    }
  }
  const signal = connect(url, { token, WebSocket: Socket });
  const ended = once(signal, 'down').then(([down]) => {
    signal.close();
    return down;
  });
  const refusal = once(signal, 'refused').then(([{ reason, status }]) => {
    throw new Error(`the peer was refused: ${status ?? reason}`);
  });
  await Promise.race([once(signal, 'open'), refusal]);
  return { signal, ended };
}

/** Joins a topic. Resolves, once the server has confirmed it, to the topic and to the texts that come. */
export async function listenOn(signal, name) {
  const topic = signal.join(name);
  const heard = [];
  topic.addEventListener('message', ({ payload }) => heard.push(new TextDecoder().decode(payload)));
  await topic.ready;
  return { topic, heard };
}

/** Sends a text, and resolves once somebody has got it. */
export async function tell(from, to, message) {
  const arrived = once(to.topic, 'message');
  await from.topic.send(new TextEncoder().encode(message));
  await arrived;
}

/** What the server answers to a handshake that it refuses. */
export async function refused({ url, token, ...options }) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(url, { headers, ...options });
  const letIn = once(socket, 'open').then(() => {
    throw new Error('the peer was not refused');
  });
  const [, response] = await Promise.race([once(socket, 'unexpected-response'), letIn]);
  return { status: response.statusCode, sentence: (await text(response)).trim() };
}
