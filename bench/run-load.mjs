import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from './child-processes.mjs';

const LOAD = fileURLToPath(new URL('load/load.mjs', import.meta.url));

/**
 * Starts a load process, with the command `wrapper` before its own. Resolves to its result, and to the process, which
 * holds its connections until it is killed.
 */
export async function startLoad(target, order, wrapper = []) {
  const [execPath, ...execArgv] = [...wrapper, process.execPath];
  const args = [JSON.stringify({ ...order, port: target.port, pids: target.pids })];
  const child = endWithUs(fork(LOAD, args, { execPath, execArgv }));
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the load ended early with ${code ?? signal}`);
  });
  const [result] = await Promise.race([once(child, 'message'), ended]);
  // From here on, we end the process ourselves.
  ended.catch(() => undefined);
  return { result, child };
}

/** Runs a load process for one order, and ends it. Resolves to its result. */
export async function runLoad(target, order, wrapper = []) {
  const { result, child } = await startLoad(target, order, wrapper);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return result;
}
