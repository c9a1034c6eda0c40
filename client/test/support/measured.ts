import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ARTIFACTS = fileURLToPath(new URL('../../../test-artifacts', import.meta.url));

/** Keeps figures that were measured, to be looked at: they decide no test. */
export function keepMeasured(name: string, figures: object): void {
  mkdirSync(ARTIFACTS, { recursive: true });
  writeFileSync(`${ARTIFACTS}/${name}.json`, JSON.stringify(figures));
}
