import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EXAMINATIONS } from '../../../src/doctor/examinations.js';
import { diagnose } from '../../support/diagnosis.js';
import { startReference, stopOddServers } from '../../support/odd-servers.js';

const page = readFileSync(new URL('../../../docs/doctor.md', import.meta.url), 'utf8');
/** The rows of its tables, by the name in their first cell. */
const [examined, figured] = page
  .split('prints one object instead')
  .map((half) => new Map([...half.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, name, rest]) => [name, rest])));

afterEach(stopOddServers);

describe('docs/doctor.md', () => {
  it('has every examination in order, with what it needs', () => {
    expect([...examined.keys()]).toEqual(EXAMINATIONS.map(({ name }) => name));
    const needs = [...examined.values()].map((rest) =>
      [
        ...rest
          .split(' | ')
          .at(-1)!
          .matchAll(/`(\w+)`/g),
      ].map(([, need]) => need),
    );
    expect(needs).toEqual(EXAMINATIONS.map((examination) => [...examination.needs]));
  });

  it('names every figure', async () => {
    const findings = await diagnose(`ws://127.0.0.1:${await startReference({ handleProtocols: () => false })}`, {
      token: 'abc',
      idle: 1,
    });
    const unnamed = Object.values(findings).flatMap(({ name, figures = {} }) =>
      Object.keys(figures)
        .filter((figure) => !figured.get(name)!.includes(`\`${figure}\``))
        .map((figure) => `${name}: ${figure}`),
    );
    expect(unnamed).toEqual([]);
    expect(Object.values(findings).filter(({ figures }) => figures !== undefined).length).toBeGreaterThan(8);
  });
});
