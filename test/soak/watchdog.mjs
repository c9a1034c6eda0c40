// Runs in a thread of its own: ends the soak and its server when the deadline of the soak is long over, also when its
// event
// loop is stuck and no timer and no Ctrl-C gets through to it.
import { workerData } from 'node:worker_threads';

setTimeout(() => {
  try {
    process.kill(workerData.server, 'SIGKILL');
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}, workerData.milliseconds);
