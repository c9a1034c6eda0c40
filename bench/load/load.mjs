// The load generator, a process of its own so that its CPU is not taken for the server's. It is told what to do by the program
// that starts it, in one argument of JSON, sends back what it measured and stays, with its connections, until it is ended.
import { across } from './across.mjs';
import { arrivals } from './arrivals.mjs';
import { churn } from './churn.mjs';
import { fanOut } from './fan-out.mjs';
import { MASKS } from './frame.mjs';
import { hold } from './hold.mjs';
import { paced } from './paced.mjs';
import { pingPong } from './ping-pong.mjs';

const LOADS = { across, arrivals, churn, fanOut, hold, paced, pingPong };

process.on('disconnect', () => process.exit());
process.on('uncaughtException', (error) => {
  console.error(`load: ${error.message}`);
  process.exit(1);
});

const { load, port, pid, mask, ...order } = JSON.parse(process.argv[2]);
process.send(await LOADS[load]({ port, pid, newMask: MASKS[mask] }, order));
