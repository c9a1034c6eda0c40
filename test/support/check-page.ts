import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';

/** What the connection check shows, as tests expect it. */

/** Longer than any step of the page takes to give up, in milliseconds. */
export const VERDICT_MS = 40_000;

const STEPS = [
  'server',
  'admission',
  'sockets',
  'rendezvous',
  'offer',
  'answer',
  'candidates',
  'channel',
  'ping',
  'relay',
] as const;
export type Step = (typeof STEPS)[number];

/** What the page shows of a run. */
export interface Shown {
  readonly outcome: string | null;
  readonly headline: string;
  readonly advice: string;
  /** The state of each step, as text says it. */
  readonly states: Record<string, string>;
}

/** All steps up to one passed, that one failed, and the later ones did not run. */
export function stoppedAt(failed: Step): Record<string, string> {
  const at = STEPS.indexOf(failed);
  return Object.fromEntries(
    STEPS.map((step, index) => [step, index < at ? 'passed' : index === at ? 'failed' : 'skipped']),
  );
}

/** All steps passed; but that one is only there where the server has TURN servers. */
export const ALL_PASSED = { ...Object.fromEntries(STEPS.map((step) => [step, 'passed'])), relay: 'skipped' };
/** All steps of a server with TURN servers. */
export const RELAYED = { ...ALL_PASSED, relay: 'passed' };

/** Does not check that it is fast, which depends on the machine. */
export const CONNECTED = {
  outcome: expect.stringMatching(/^(?:connected|slow)$/),
  headline: expect.stringMatching(/^Connected in [\d.]+ m?s(?:, over the goal)?$/),
  states: ALL_PASSED,
};

/** Resolves to the verdict of a run, once there is one. */
export async function verdictOf(page: Page): Promise<Shown> {
  await page.waitForSelector('#verdict:is([data-outcome=connected], [data-outcome=slow], [data-outcome=failed])', {
    timeout: VERDICT_MS,
  });
  const states = await Promise.all(
    STEPS.map(async (step) => [step, await page.textContent(`[data-step=${step}] .state`)] as const),
  );
  return {
    outcome: await page.getAttribute('#verdict', 'data-outcome'),
    headline: (await page.textContent('#headline')) ?? '',
    advice: (await page.textContent('#advice')) ?? '',
    states: Object.fromEntries(states) as Record<string, string>,
  };
}
