import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { promote, sectionOf } from '../../../scripts/release/changelog.mjs';
import { packChart } from '../../../scripts/release/chart-package.mjs';
import { faultsOf, Files, prepare } from '../../../scripts/release/files.mjs';
import { notesOf } from '../../../scripts/release/notes.mjs';
import { publish } from '../../../scripts/release/publish.mjs';
import { compareVersions, imageTags, readVersion, versionOf } from '../../../scripts/release/version.mjs';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-release-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a tag of a release', () => {
  it.each([
    'v1.2',
    '1.2.3',
    'v01.2.3',
    'v1.2.3+build',
    'v1.2.3-',
    'v1.2.3-01',
    'vv1.2.3',
    'v1.2.3 ',
    '',
    'v1.2.3\nv2.0.0',
    'latest',
  ])('is not %j', (tag) => {
    expect(() => versionOf(tag)).toThrow(/is no (tag of a release|version): expected one such as/);
  });

  it('comes in the order of Semantic Versioning, rule 11', () => {
    const order = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.9.0',
      '1.10.0',
      '2.0.0',
    ];
    const versions = order.map((text) => readVersion(text));
    expect(versions.toReversed().toSorted(compareVersions)).toEqual(versions);
    expect(compareVersions(versions[0], versions[0])).toBe(0);
  });

  it.each([
    ['v1.2.3', ['v1.2.2', 'v1.1.9'], ['1.2.3', '1.2', 'latest']],
    ['v1.2.3', ['v1.2.3'], ['1.2.3', '1.2', 'latest']],
    // A patch of an old line.
    ['v1.2.4', ['v2.0.0', 'v1.2.3'], ['1.2.4', '1.2']],
    // A patch that was overtaken.
    ['v1.2.3', ['v1.2.4'], ['1.2.3']],
    ['v2.0.0', ['v2.0.0-rc.1', 'v1.9.9', 'v10'], ['2.0.0', '2.0', 'latest']],
    ['v2.0.0', ['v2.0.1-rc.1'], ['2.0.0', '2.0', 'latest']],
    ['v2.0.0-rc.1', ['v1.0.0'], ['2.0.0-rc.1']],
    ['v1.10.0', ['v1.9.0'], ['1.10.0', '1.10', 'latest']],
  ])('%s beside %j names the image %j', (tag, tags, expected) => {
    expect(imageTags(tag, tags)).toEqual(expected);
  });
});

describe('a changelog', () => {
  const text = '# Changelog\n\n## Unreleased\n\n- new\n\n## 1.0.0 - 2026-01-01\n\n### Sub\n\n- old\n';

  it('has a section for each version', () => {
    expect(sectionOf(text, '1.0.0')).toBe('### Sub\n\n- old');
  });

  it.each([
    ['lacks the version', text, '1.0.1', 'the changelog has no section "## 1.0.1 - DATE"'],
    ['has a longer one only', text.replace('1.0.0', '1.0.0-rc.1'), '1.0.0', 'has no section'],
    ['has it twice', `${text}\n## 1.0.0 - 2026-02-02\n\n- again\n`, '1.0.0', 'more than one section'],
    ['says nothing', text.replace('### Sub\n\n- old', ''), '1.0.0', 'the changelog says nothing of 1.0.0'],
  ])('is a fault that %s', (_, changelog, version, fault) => {
    expect(() => sectionOf(changelog, version)).toThrow(fault);
  });

  it('gives what is unreleased a version', () => {
    const promoted = promote(text, '1.1.0', '2026-02-02');
    expect(sectionOf(promoted, '1.1.0')).toBe('- new');
    expect(sectionOf(promoted, '1.0.0')).toBe('### Sub\n\n- old');
    expect(() => promote(promoted, '1.2.0', '2026-03-03')).toThrow('nothing that is unreleased');
    expect(() => promote(text, '1.0.0', '2026-03-03')).toThrow('has a section of 1.0.0 already');
    expect(() => promote('# Changelog\n', '1.0.0', '2026-03-03')).toThrow('does not begin with');
  });
});

describe('the places that say the version', () => {
  let files: Files;
  beforeEach(() => {
    const checkout = mkdtempSync(join(folder, 'checkout-'));
    for (const path of [
      'package.json',
      'package-lock.json',
      'CHANGELOG.md',
      'client/package.json',
      'client/CHANGELOG.md',
      'deploy/helm/cairn-signal/Chart.yaml',
      'deploy/kubernetes/kustomization.yaml',
    ]) {
      cpSync(path, join(checkout, path));
    }
    files = new Files(pathToFileURL(`${checkout}/`));
    writeFileSync(new URL('CHANGELOG.md', files.root), '# Changelog\n\n## Unreleased\n\n- new\n');
    writeFileSync(new URL('client/CHANGELOG.md', files.root), '# Changelog\n\n## Unreleased\n\n- first\n');
  });

  it('are all of one version in this checkout', () => {
    const here = new Files(pathToFileURL(`${process.cwd()}/`));
    expect(faultsOf(here, `v${here.version}`).filter((fault) => !fault.includes('changelog'))).toEqual([]);
  });

  it('are prepared by one command, and then fit the tag', () => {
    expect(faultsOf(files, 'v9.8.7')).toHaveLength(8);
    const client = files.clientVersion;
    prepare(files, { version: '9.8.7', client, date: '2026-12-01' });
    expect(faultsOf(files, 'v9.8.7')).toEqual([]);
    expect(JSON.parse(files.read('package-lock.json'))).toMatchObject({
      version: '9.8.7',
      packages: { '': { version: '9.8.7' }, client: { version: client } },
    });
    expect(files.read('CHANGELOG.md')).toContain('## 9.8.7 - 2026-12-01\n\n- new');
    expect(faultsOf(files, 'v9.8.8').length).toBeGreaterThan(5);

    writeFileSync(
      new URL('client/CHANGELOG.md', files.root),
      files.read('client/CHANGELOG.md').replace('Unreleased', 'Unreleased\n\n- more'),
    );
    writeFileSync(
      new URL('CHANGELOG.md', files.root),
      files.read('CHANGELOG.md').replace('Unreleased', 'Unreleased\n\n- more'),
    );
    prepare(files, { version: '9.9.0-rc.1', client: '8.0.0', date: '2026-12-02' });
    expect(faultsOf(files, 'v9.9.0-rc.1')).toEqual([]);
    expect([files.version, files.clientVersion]).toEqual(['9.9.0-rc.1', '8.0.0']);
  });

  it.each<[string, Parameters<typeof prepare>[1], string]>([
    ['goes backwards', { version: '0.0.1', date: '2026-12-01' }, '0.0.1 does not come after'],
    ['is no version', { version: '9.8', date: '2026-12-01' }, '9.8 is no version'],
    ['has a date that is none', { version: '9.8.7', date: '2026-13-01' }, '2026-13-01 is no date'],
    ['has a day that is none', { version: '9.8.7', date: '2026-02-31' }, '2026-02-31 is no date'],
    [
      'has a client that goes backwards',
      { version: '9.8.7', client: '0.0.1', date: '2026-12-01' },
      '0.0.1 does not come after',
    ],
  ])('change nothing where a release %s', (_, wanted, fault) => {
    const before = ['package.json', 'CHANGELOG.md', 'client/package.json'].map((path) => files.read(path));
    expect(() => prepare(files, wanted)).toThrow(fault);
    expect(['package.json', 'CHANGELOG.md', 'client/package.json'].map((path) => files.read(path))).toEqual(before);
  });
});

describe('the notes of a release', () => {
  it('say what changed, how to get it, and how to verify it', () => {
    const changelog = '## Unreleased\n\n## 1.2.3 - 2026-01-01\n\n- a change\n';
    const digest = `sha256:${'a'.repeat(64)}`;
    const notes = notesOf({ tag: 'v1.2.3', changelog, owner: 'o', repository: 'O/r', digest, bases: ['b@sha256:1'] });
    expect(notes).toMatch(/^- a change\n/);
    for (const part of [
      'docker pull ghcr.io/o/cairn-signal:1.2.3',
      'oci://ghcr.io/o/charts/cairn-signal --version 1.2.3',
      `cosign verify ghcr.io/o/cairn-signal@${digest}`,
      '--certificate-identity https://github.com/O/r/.github/workflows/release.yml@refs/tags/v1.2.3',
      'It was built from `b@sha256:1`.',
    ]) {
      expect(notes).toContain(part);
    }
  });
});

describe('publishing to npm', () => {
  const versions = { 'cairn-signal': '1.2.3', 'cairn-signal-client': '0.1.0-rc.1' };

  /** An npm that knows some packages. */
  function npmThat(knows: readonly string[], failing?: string) {
    const calls: string[] = [];
    const npm = (args: readonly string[]) => {
      calls.push(args.join(' '));
      const missing = args[0] === 'view' && !knows.includes(args[1]);
      const failed = failing !== undefined && args.join(' ').includes(failing);
      return {
        status: missing || failed ? 1 : 0,
        stdout: missing || failed ? '' : '"1"',
        stderr: failed ? 'E500' : 'E404',
      };
    };
    return { npm, calls };
  }

  it('publishes what the registry lacks, the client first, with provenance; a pre-release as next', () => {
    const { npm, calls } = npmThat([]);
    expect(publish(versions, { dryRun: false, npm })).toEqual([
      'cairn-signal-client@0.1.0-rc.1 is published as next',
      'cairn-signal@1.2.3 is published as latest',
    ]);
    expect(calls.filter((call) => call.startsWith('publish'))).toEqual([
      'publish --workspace client --access public --tag next --provenance',
      'publish --workspaces=false --access public --tag latest --provenance',
    ]);
  });

  it('does not let latest go back for a patch of an old line', () => {
    const asked = (args: readonly string[]): string => (args.includes('dist-tags.latest') ? '"1.3.0"\n' : '');
    const npm = (args: readonly string[]) => ({ status: 0, stdout: asked(args), stderr: '' });
    expect(publish({ ...versions, 'cairn-signal-client': '1.10.0' }, { dryRun: false, npm })).toEqual([
      'cairn-signal-client@1.10.0 is published as latest',
      'cairn-signal@1.2.3 is published as release-1.2',
    ]);
  });

  it('leaves alone what is published, so that a release can be run again', () => {
    const { npm, calls } = npmThat(['cairn-signal@1.2.3', 'cairn-signal-client@0.1.0-rc.1']);
    expect(publish(versions, { dryRun: false, npm })).toEqual([
      'cairn-signal-client@0.1.0-rc.1 is published already',
      'cairn-signal@1.2.3 is published already',
    ]);
    expect(calls.some((call) => call.startsWith('publish'))).toBe(false);
  });

  it('says what failed', () => {
    expect(() => publish(versions, { dryRun: true, npm: npmThat([], 'version').npm })).toThrow('npm cannot say');
    expect(() => publish(versions, { dryRun: true, npm: npmThat([], 'dist-tags').npm })).toThrow('npm cannot say');
    const none = { status: null, stdout: '', stderr: '', error: new Error('spawnSync npm ENOENT') };
    expect(() => publish(versions, { dryRun: true, npm: () => none })).toThrow(/npm cannot say.*ENOENT/);
    expect(() => publish(versions, { dryRun: true, npm: npmThat([], 'publish --workspaces').npm })).toThrow(
      'npm publish of cairn-signal@1.2.3 failed: E500',
    );
  });
});

describe('the package of the chart', () => {
  it('has one folder, as that of "helm package", and the same bytes each time', () => {
    const of = { chart: 'deploy/helm/cairn-signal', version: '1.2.3', created: 1_700_000_000 };
    const [one, two] = ['one', 'two'].map((out) => packChart({ ...of, out: join(folder, out) }));
    expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
    const names = execFileSync('tar', ['-tzf', one], { encoding: 'utf8' }).trim().split('\n');
    expect(names.every((name) => name.startsWith('cairn-signal/'))).toBe(true);
    expect(names).toEqual(expect.arrayContaining(['cairn-signal/Chart.yaml', 'cairn-signal/values.schema.json']));
  });
});

describe('building the image', () => {
  /** Runs the script with a docker that writes down how it is called, and answers as told. */
  function build(args: readonly string[], digest = `sha256:${'b'.repeat(64)}`) {
    const bin = mkdtempSync(join(folder, 'bin-'));
    mkdirSync(bin, { recursive: true });
    const docker = `#!/bin/bash
printf '%s\\n' "$*" >>"${bin}/calls"
if [ "$2" = imagetools ]; then echo '${digest}'; exit; fi
while [ $# -gt 0 ]; do [ "$1" != --metadata-file ] || echo '{"containerimage.digest":"sha256:made"}' >"$2"; shift; done
`;
    writeFileSync(join(bin, 'docker'), docker);
    chmodSync(join(bin, 'docker'), 0o755);
    const run = spawnSync('scripts/release/build-image', args, {
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
      encoding: 'utf8',
    });
    const calls = run.status === 2 ? [] : readFileSync(join(bin, 'calls'), 'utf8').trim().split('\n');
    return { ...run, calls };
  }

  it('pins the base images by digest, for both architectures, and tells the digests', () => {
    const { status, stdout, calls } = build(['ghcr.io/o/cairn-signal', '1.2.3', 'latest']);
    expect(status).toBe(0);
    const bases = ['node:24-bookworm-slim', 'gcr.io/distroless/nodejs24-debian12'].map(
      (base) => `${base}@sha256:${'b'.repeat(64)}`,
    );
    expect(stdout).toBe(`digest=sha256:made\nbases=${bases.join(' ')}\n`);
    const call = calls.at(-1)!;
    for (const base of bases) expect(call).toContain(`--build-context ${base.split('@')[0]}=docker-image://${base} `);
    expect(call).toContain('--platform linux/amd64,linux/arm64');
    expect(call).toContain('--tag ghcr.io/o/cairn-signal:1.2.3 --tag ghcr.io/o/cairn-signal:latest ');
    expect(call).toMatch(/org\.opencontainers\.image\.source=https:\/\/github\.com\/\S+\/cairn-signal /);
  });

  it('stops where a registry has no digest, and without tags', () => {
    expect(build(['ghcr.io/o/cairn-signal', '1.2.3'], 'not found')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('the registry has no digest for node:24-bookworm-slim'),
    });
    expect(build(['ghcr.io/o/cairn-signal'])).toMatchObject({ status: 2 });
  });
});

describe('publishing the release', () => {
  it('says how it is used', () => {
    expect(spawnSync('scripts/release/publish-release', ['v1.0.0'], { encoding: 'utf8' })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('usage: scripts/release/publish-release TAG OWNER/NAME DIGEST'),
    });
  });
});

describe('the command', () => {
  it.each([
    [[], 2, /no command: expected prepare, check/],
    [['deploy'], 2, /deploy: expected prepare/],
    [['check'], 2, /check: expected the tag/],
    [['check', 'v1', 'v2'], 2, /expected the tag, and nothing more/],
    [['check', '1.2.3'], 1, /1\.2\.3 is no tag of a release/],
    [['check', 'v99.0.0'], 1, /Chart\.yaml says/],
    [['notes', 'v1.0.0'], 2, /--repository: expected OWNER\/NAME/],
    [['notes', 'v99.0.0', '--repository', 'o/r'], 1, /no section "## 99\.0\.0 - DATE"/],
    [['sbom', '--base', 'node:24'], 2, /--base: expected NAME@sha256:DIGEST/],
    [['bases', 'x'], 2, /takes no x/],
    [['tags', 'v1.0.0', '--push'], 2, /Unknown option '--push'/],
  ])('%j ends with %i', (args, code, says) => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/release.mjs', ...args], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: code, stderr: expect.stringMatching(says) });
    expect(stderr).toMatch(/^release: /);
  });
});
