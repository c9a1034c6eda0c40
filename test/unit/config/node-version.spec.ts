import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { FIRST_FIXED, FIXED_LINE, nodeWarnings } from '../../../src/config/node-version.js';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

describe('the version of Node', () => {
  it.each([
    '20.20.2',
    '20.21.0',
    '22.22.2',
    '22.23.0',
    '24.14.1',
    '24.20.0',
    '25.8.2',
    '26.0.0',
    '27.1.0-nightly20261001',
  ])('%s has the fix of CVE-2026-21717: no warning', (version) => {
    expect(nodeWarnings(version)).toEqual([]);
  });

  it.each([
    ['20.20.1', '20.20.2 or newer'],
    ['20.19.43', '20.20.2 or newer'],
    ['22.22.1', '22.22.2 or newer'],
    ['22.3.9', '22.22.2 or newer'],
    ['24.14.0', '24.14.1 or newer'],
    ['25.8.1', '25.8.2 or newer'],
    ['23.11.0', 'a maintained line: 20.20.2, 22.22.2, 24.14.1, 25.8.2 or newer'],
    ['18.20.8', 'a maintained line: 20.20.2, 22.22.2, 24.14.1, 25.8.2 or newer'],
  ])('%s is warned about', (version, update) => {
    expect(nodeWarnings(version)).toEqual([
      `on Node ${version}, a peer can slow down the whole server with crafted JSON (CVE-2026-21717): update Node to ${update}`,
    ]);
  });

  it('that runs this test gets no warning', () => {
    expect(nodeWarnings()).toEqual([]);
  });

  it('is the same in package.json, in the lock file and wherever a reader finds it', () => {
    const engines = [...FIRST_FIXED.map((version) => `^${version}`), `>=${FIXED_LINE}.0.0`].join(' || ');
    expect((JSON.parse(read('package.json')) as { engines: unknown }).engines).toEqual({ node: engines });
    expect(
      (JSON.parse(read('package-lock.json')) as { packages: Record<string, { engines: unknown }> }).packages[''],
    ).toMatchObject({ engines: { node: engines } });
    expect(read('README.md')).toContain(
      `Node ${FIRST_FIXED.join(', ')}, a newer release of one of these lines, or Node ${FIXED_LINE}`,
    );
    expect(read('.ci/run')).toContain('Node 20.20.2, 22.22.2, 24.14.1 or newer');
  });

  it('of every stage of the image is a line with the fix, by a tag that follows its newest release', () => {
    const stages = [...read('Dockerfile').matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, image]) => image);
    const lines = stages.map((image) => Number(/(?:^node:|\/nodejs)(\d+)-[a-z\d-]+$/.exec(image)?.[1]));
    expect(new Set(lines).size).toBe(1);
    expect(lines[0] >= FIXED_LINE || FIRST_FIXED.some((version) => version.startsWith(`${lines[0]}.`))).toBe(true);
  });
});
