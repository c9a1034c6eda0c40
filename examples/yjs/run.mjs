#!/usr/bin/env node
// Documents of Yjs become the same over data channels, here with WebRTC in JavaScript. Starts a server:
//   node examples/yjs/run.mjs
import { once } from 'node:events';
import { connect } from 'cairn-signal-client';
import { connectPeer } from 'cairn-signal-client/rtc';
import { RTCPeerConnection } from 'werift';
import { WebSocket } from 'ws';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { expect } from '../promised.mjs';
import { startServer } from '../server.mjs';
import { CairnProvider } from './provider.mjs';

const server = await startServer([]);
const secret = crypto.getRandomValues(new Uint8Array(32));
const rtc = { secret, RTCPeerConnection };

/** Somebody with a document. */
function enter(doc = new Y.Doc()) {
  const signal = connect(server.url, { WebSocket });
  const provider = new CairnProvider(doc, signal, rtc);
  return { doc, signal, provider, text: doc.getText('t'), awareness: provider.awareness };
}

/** Resolves when it holds, which an event of one of these may bring about. */
async function until(holds, ...sources) {
  while (!holds()) await Promise.race(sources.map(([source, event]) => once(source, event)));
}
const changed = ({ doc }) => [doc, 'update'];
const same = (...people) =>
  until(() => new Set(people.map(({ text }) => text.toJSON())).size === 1, ...people.map(changed));

const ada = enter();
const bob = enter();
ada.text.insert(0, 'Hello');
bob.text.insert(0, 'World');
await until(() => bob.text.length === 10 && ada.text.length === 10, changed(ada), changed(bob));
await same(ada, bob);
expect('what two wrote before they met is the same text at both', ada.text.length === 10);

const cleo = enter();
await until(() => cleo.text.length === 10, changed(cleo));
cleo.text.insert(5, ', ');
await same(ada, bob, cleo);
expect('a third one has what they wrote, and they have what it writes', ada.text.length === 12);

ada.awareness.setLocalState({ name: 'Ada' });
const sees = ({ awareness }) => awareness.getStates().get(ada.doc.clientID)?.name === 'Ada';
await until(() => sees(bob) && sees(cleo), [bob.awareness, 'change'], [cleo.awareness, 'change']);
expect('they see who is there', true);

const large = new Uint8Array(1_000_000).map((_, i) => i % 251);
ada.doc.getMap('m').set('file', large);
const file = ({ doc }) => doc.getMap('m').get('file');
await until(() => file(bob) && file(cleo), changed(bob), changed(cleo));
expect('a megabyte comes whole', Buffer.compare(Buffer.from(file(bob)), Buffer.from(large)) === 0);

// Ada goes, writes alone, and comes back.
ada.provider.destroy();
ada.signal.close();
await until(() => !cleo.awareness.getStates().has(ada.doc.clientID), [cleo.awareness, 'change']);
expect('they see who has left', true);
ada.text.insert(0, '* ');
bob.text.insert(bob.text.length, '!');
const back = enter(ada.doc);
await until(() => back.text.length === 15 && bob.text.length === 15, changed(back), changed(bob));
await same(back, bob, cleo);
expect('what they wrote apart is merged', back.text.length === 15);

const everybody = [back, bob, cleo];
const before = bob.text.toJSON();
// A text; an update and presence that are none; no such part; and parts that would pile up for nothing, without end.
for (const garbage of [
  'garbage',
  Uint8Array.of(1, 1, 250, 9),
  Uint8Array.of(1, 2, 2, 5, 1, 2, 123, 125, 6, 1, 1, 123),
  Uint8Array.of(7),
  Uint8Array.of(0),
  Uint8Array.of(0, 1),
]) {
  const faults = everybody.map(({ provider }) => once(provider, 'error'));
  const signal = connect(server.url, { WebSocket });
  const stranger = await connectPeer(signal, rtc);
  stranger.channel.send(garbage);
  const [{ error }] = await Promise.race(faults);
  await once(stranger.channel, 'close');
  // Otherwise the next stranger might meet this one.
  signal.close();
  expect(`what is no message ends the connection: ${error.message}`, bob.text.toJSON() === before);
  expect(
    'nobody has appeared',
    everybody.every(({ awareness }) => !awareness.getStates().has(5)),
  );
}

// Somebody speaks of one of them as if it were there itself, and goes.
const forged = new Awareness(new Y.Doc());
for (const { doc } of everybody) {
  forged.states.set(doc.clientID, { forged: true });
  forged.meta.set(doc.clientID, { clock: 1000, lastUpdated: 0 });
}
// Whoever it is takes its own state back at once, so it is looked at as soon as it changes.
const deceived = Promise.race(
  everybody.map(
    (each) =>
      new Promise((resolve) => {
        each.awareness.on('change', () => each.awareness.getLocalState()?.forged && resolve(each));
      }),
  ),
);
const forger = await connectPeer(connect(server.url, { WebSocket }), rtc);
forger.channel.send(
  Uint8Array.of(
    1,
    2,
    ...encodeAwarenessUpdate(
      forged,
      everybody.map(({ doc }) => doc.clientID),
    ),
  ),
);
const one = await deceived;
// Besides the others, a stranger may still be there whose garbage went to somebody else.
const there = one.provider.peers.size;
forger.channel.close();
await until(() => one.provider.peers.size < there, [one.provider, 'peers']);
expect('whoever goes takes nobody else along', one.awareness.getLocalState() !== null);
process.exit(0);
