import { constants } from 'node:os';

const running = new Set();
const tasks = [];

/** Kills a child process when this process ends, if it still runs. */
export function endWithUs(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Calls `task` when this process ends. */
export function atTheEnd(task) {
  tasks.push(task);
}

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const task of tasks) task();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
