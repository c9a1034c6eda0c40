import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { faultsOf } from '../../../scripts/lint-workflows.mjs';

const FOLDER = '.github/workflows';
const read = (name: string): string => readFileSync(`${FOLDER}/${name}`, 'utf8');
const release = read('release.yml');

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly needs?: string | string[];
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}
const { jobs, permissions } = parse(release) as { jobs: Record<string, Job>; permissions: object };

describe('the workflows', () => {
  it.each(readdirSync(FOLDER))('%s is without fault', (name) => {
    expect(faultsOf(read(name), name)).toEqual([]);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['a job that does not exist', (text) => text.replace('needs: check', 'needs: checks'), /job "checks"|"checks"/],
    ['an unknown key', (text) => text.replace('runs-on:', 'run-on:'), /run-on/],
    [
      'an action by its tag',
      (text) => text.replace(/actions\/checkout@\S+ # \S+/, 'actions/checkout@v4'),
      /not pinned/,
    ],
    [
      'an expression in a script',
      (text) => text.replace('"$GITHUB_REF_NAME"', '${{ github.ref_name }}'),
      /pass it by env/,
    ],
    [
      'an expression in a script of several lines',
      (text) => text.replace('tee pushed', 'tee ${{ github.ref }}'),
      /pass it by env/,
    ],
    ['an output that no step has', (text) => text.replaceAll('steps.build.outputs', 'steps.built.outputs'), /built/],
  ])('would not be with %s', (_, change, fault) => {
    const changed = change(release);
    expect(changed).not.toBe(release);
    expect(faultsOf(changed, 'release.yml').join('\n')).toMatch(fault);
  });
});

describe('the workflow of a release', () => {
  it('gives each job no more than it needs', () => {
    expect(permissions).toEqual({ contents: 'read' });
    expect(Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, job.permissions]))).toEqual({
      check: undefined,
      image: { contents: 'read', packages: 'write', 'id-token': 'write', attestations: 'write' },
      packages: { contents: 'read', 'id-token': 'write' },
      release: { contents: 'write' },
    });
  });

  it('publishes nothing before all of CI has passed', () => {
    expect(jobs.check.steps.map(({ run }) => run)).toContain('bash .ci/run');
    const reaches = (name: string): string[] => [name, ...[jobs[name].needs ?? []].flat().flatMap(reaches)];
    for (const name of Object.keys(jobs)) expect(reaches(name)).toContain('check');
  });

  it('has no secret but the token that GitHub gives to each run', () => {
    const secrets = [...release.matchAll(/secrets\.(\w+)/g)].map(([, name]) => name);
    expect(new Set(secrets)).toEqual(new Set(['GITHUB_TOKEN']));
  });
});
