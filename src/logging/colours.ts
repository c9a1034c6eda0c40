import { isatty } from 'node:tty';
import type { Environment } from '../config/environment.js';

/** Whether standard output is a terminal that can rewrite what it shows, as all can but dumb ones. */
export function isRewritable({ TERM }: Environment): boolean {
  return isatty(1) && TERM !== 'dumb';
}

/** Whether standard output shows colours, and they are wanted: NO_COLOR (no-color.org) is empty or not set. */
export function wantsColours(environment: Environment): boolean {
  return isRewritable(environment) && (environment.NO_COLOR ?? '') === '';
}
