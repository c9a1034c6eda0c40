import { SystemClock } from '../../src/clock/clock.js';
import { SETTLED_MS } from '../../src/config/settled-files.js';

/**
 * Part of the time that files must stay as they are which really passes: it is enough for whoever writes them in one
 * step.
 */
const PART = 1 / 50;

/** The system's time, but for files that are written in one step: they settle soon. */
export class SettlingClock extends SystemClock {
  override sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
    return super.sleep(milliseconds === SETTLED_MS ? PART * SETTLED_MS : milliseconds, over);
  }
}
