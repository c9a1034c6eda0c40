import type { BackplaneState } from '../../src/backplane/backplane.js';
import { BackplaneCounts } from '../../src/metrics/backplane-counts.js';
import type { RunningServer } from './server.js';
import { eventually } from './until.js';

/** What a node counts about its bus. */
export const countsOf = (node: RunningServer): BackplaneCounts =>
  node.server.app.get(BackplaneCounts, { strict: false });

/** What `/health/ready` says of the bus. */
export interface BusHealth {
  readonly backplane: BackplaneState;
  readonly reason?: string;
}

export async function busHealth(node: RunningServer): Promise<BusHealth> {
  const response = await fetch(`${node.http}/health/ready`);
  return ((await response.json()) as { details: { signaling: BusHealth } }).details.signaling;
}

/** Resolves when a node reports this state of its bus. */
export const busIs = (node: RunningServer, state: BackplaneState): Promise<BusHealth> =>
  eventually(
    () => busHealth(node),
    ({ backplane }) => backplane === state,
  );
