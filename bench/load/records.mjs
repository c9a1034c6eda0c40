import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicroseconds } from '../process-usage.mjs';
import { Connection } from './connection.mjs';
import { clientFrame, TEXT } from './frame.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 50;

/**
 * Peers of the JSON dialect, each on a topic of its own. They publish, wait for the ack, query, and wait for the answer,
 * again and again. The figure is the server's CPU for one message of a peer and its answer.
 */
export async function records(target, { peers, payloadBytes, warmUpMs, runMs }) {
  let answers = 0;
  let running = true;
  const starts = await many(peers, SIDE, async () => {
    const connection = await Connection.open(target);
    const topic = newTopic();
    const payload = randomBytes(payloadBytes).toString('base64');
    const frames = [
      { type: 'publish', topic, payload },
      { type: 'query', topic },
    ].map((message) => clientFrame(TEXT, Buffer.from(JSON.stringify(message)), target.newMask));
    let turn = 0;
    const next = () => connection.send(frames[turn++ % frames.length]);
    connection.onText = () => {
      answers += 1;
      if (running) next();
    };
    return next;
  });
  for (const start of starts) start();
  await pause(warmUpMs);

  const before = { answers, cpu: cpuMicroseconds(target.pids), at: performance.now() };
  await pause(runMs);
  const messages = answers - before.answers;
  const cpu = cpuMicroseconds(target.pids) - before.cpu;
  const seconds = (performance.now() - before.at) / 1000;
  running = false;
  if (messages < peers) throw new Error(`only ${messages} answers arrived`);
  return { cpuMicroseconds: cpu / messages, perSecond: messages / seconds };
}
