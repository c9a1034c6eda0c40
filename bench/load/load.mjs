// The load generator. It is a separate process, so that its CPU does not count as the server's. Its parent passes the
// order as one JSON argument. It sends back the result, and keeps its connections until its parent ends it.
import { across } from './across.mjs';
import { arrivals } from './arrivals.mjs';
import { churn } from './churn.mjs';
import { fanOut } from './fan-out.mjs';
import { MASKS } from './frame.mjs';
import { hold } from './hold.mjs';
import { membership } from './membership.mjs';
import { paced } from './paced.mjs';
import { pingPong } from './ping-pong.mjs';
import { records } from './records.mjs';
import { storm } from './storm.mjs';
import { topics } from './topics.mjs';

const LOADS = { across, arrivals, churn, fanOut, hold, membership, paced, pingPong, records, storm, topics };

process.on('disconnect', () => process.exit());
process.on('uncaughtException', (error) => {
  console.error(`load: ${error.message}`);
  process.exit(1);
});

const { load, port, pids, mask, v2, receipts, tls, ...order } = JSON.parse(process.argv[2]);
process.send(await LOADS[load]({ port, pids, newMask: MASKS[mask], v2, receipts, tls }, order));
