import { constants } from 'node:os';

const running = new Set();
const tasks = [];

/** Has a child process ended, at the latest, when this one ends. */
export function endWithUs(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Has `task` called when this process ends. */
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
