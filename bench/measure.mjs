import { CASES } from './cases.mjs';
import { MeasuredProcess } from './measured-process.mjs';
import { runLoad } from './run-load.mjs';

/**
 * Runs one case `repeat` times. In each repetition, the program to compare with runs right before the server, so that
 * both meet the same machine. Each run has its own process. Without a `floor` program, cases with a floor run the
 * server only.
 */
export async function measureCase(name, { repeat, quick, mask }, floor) {
  const { order, quick: shorter, beside } = CASES[name];
  const fullOrder = { ...order, ...(quick ? shorter : {}), mask };
  const other = {
    floor: floor && (() => MeasuredProcess.floor(floor)),
    ws: () => MeasuredProcess.bareWs(),
    v1: () => MeasuredProcess.server(),
  }[beside];
  const otherOrder = beside === 'v1' ? { ...fullOrder, v2: false, receipts: false } : fullOrder;
  const runs = { server: [], beside: [] };
  for (let i = 0; i < repeat; i++) {
    if (other) runs.beside.push(await measureOne(await other(), otherOrder));
    runs.server.push(await measureOne(await MeasuredProcess.server(), fullOrder));
  }
  return runs;
}

async function measureOne(target, order) {
  const result = await runLoad(target, order);
  await target.stop();
  return result;
}
