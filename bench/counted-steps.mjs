import { randomBytes } from 'node:crypto';
import { Connection } from './load/connection.mjs';
import { MASKS } from './load/frame.mjs';
import { newTopic } from './load/pairs.mjs';

const PAYLOAD_BYTES = 512;
const SUBSCRIBERS = 100;
/** Messages that arrive together. */
const IN_FLIGHT = 8;
/** Connections that are cut together: when one by one, the server sees some cuts before the next arrival and some after. */
const HELD = 80;

/**
 * What is counted, step by step: the next step begins when the last one is over, so the server does the same each time.
 * `each` says how many steps a part has, and `of` how many of `unit` there are in a step.
 */
export const COUNTED = {
  relay: { each: 1000, of: 1, begin: (open) => relaying(open) },
  'relay-8': { each: 300, of: IN_FLIGHT, begin: (open) => relaying(open, { messages: IN_FLIGHT }) },
  'relay-v2': { each: 1000, of: 1, begin: (open) => relaying(() => open({ v2: true })) },
  fanout: { each: 30, of: SUBSCRIBERS, begin: (open) => relaying(open, { subscribers: SUBSCRIBERS }) },
  connect: { each: HELD, of: 1, begin: (_open, target) => arriving(target) },
};

/**
 * Opens what the steps of all cases need. Resolves to the step of each, by name, to what wakes the server, and to what
 * cuts all connections.
 */
export async function openSteps({ port }) {
  const target = { port, newMask: MASKS.zeros };
  const steps = {};
  const opened = [];
  const open = async (how = {}) => {
    const connection = await Connection.open({ ...target, ...how });
    opened.push(connection);
    return connection;
  };
  for (const [name, { begin }] of Object.entries(COUNTED)) steps[name] = await begin(open, target);
  const other = await open();
  const leave = () => {
    for (const connection of opened) connection.cut();
  };
  return { steps, stir: () => void other.sync(), leave };
}

/** Some messages, which arrive together, to all subscribers of a topic. */
async function relaying(open, { messages = 1, subscribers = 1 } = {}) {
  const topic = newTopic();
  let missing = 0;
  let delivered;
  for (let i = 0; i < subscribers; i++) {
    const connection = await open();
    connection.subscribe(topic);
    await connection.sync();
    connection.onMessage = () => {
      missing -= 1;
      if (missing === 0) delivered();
    };
  }
  const sender = await open();
  const frames = Array.from({ length: messages }, () => sender.relayFrame(topic, randomBytes(PAYLOAD_BYTES)));
  const bytes = Buffer.concat(frames);
  return () => {
    missing = messages * subscribers;
    return new Promise((resolve) => {
      delivered = resolve;
      sender.send(bytes);
    });
  };
}

/** One connection that subscribes, and is cut with others later. */
function arriving(target) {
  const held = [];
  return async () => {
    const connection = await Connection.open(target);
    connection.subscribe(newTopic());
    await connection.sync();
    held.push(connection);
    if (held.length === HELD) for (const one of held.splice(0)) one.cut();
  };
}
