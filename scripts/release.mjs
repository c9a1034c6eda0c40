#!/usr/bin/env node
// Everything that a release consists of, apart from what needs a registry with our names: .github/workflows/release.yml
// calls these commands one after the other. docs/releasing.md says what a maintainer does.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sourceDate } from './package-inputs.mjs';
import { packChart } from './release/chart-package.mjs';
import { faultsOf, Files, prepare } from './release/files.mjs';
import { notesOf } from './release/notes.mjs';
import { publish } from './release/publish.mjs';
import { sbomOf } from './release/sbom.mjs';
import { imageTags, ReleaseFault } from './release/version.mjs';
import { readDockerfile } from './image/dockerfile.mjs';

const USAGE = `Usage: node scripts/release.mjs COMMAND

  prepare VERSION [--client VERSION] [--date DATE]   sets the version everywhere, and dates the changelog
  check TAG                     says what keeps the tag from being released
  tags TAG                      prints the tags of the image, given the tags of this repository
  bases                         prints the images that the image is built from
  notes TAG --repository OWNER/NAME [--digest DIGEST] [--base NAME@DIGEST]...   prints the release notes
  sbom [--base NAME@DIGEST]     prints the bill of materials, in CycloneDX
  chart FOLDER                  packs the chart into the folder
  publish [--dry-run]           publishes the npm packages that the registry lacks

Exit codes: 0 done, 1 something must be put right first, 2 wrong arguments.`;

class Misused extends Error {}

const root = new URL('..', import.meta.url);
const path = fileURLToPath(root);
const files = new Files(root);
const text = { type: 'string' };

const COMMANDS = {
  prepare: {
    options: { client: text, date: text },
    takes: 'the version',
    run: (version, { client, date = new Date().toISOString().slice(0, 10) }) => {
      const dirty = git('status', '--porcelain');
      if (dirty !== '') throw new ReleaseFault('the checkout has changes that are not committed');
      prepare(files, { version, client, date });
      return `run "npm run chart" and "npm run docs", look at "git diff", and commit; then: git tag -s v${version}`;
    },
  },
  check: {
    takes: 'the tag',
    run: (tag) => {
      const faults = faultsOf(files, tag);
      if (faults.length > 0) throw new ReleaseFault(faults.join('\n'));
      return `${tag} can be released`;
    },
  },
  tags: { takes: 'the tag', run: (tag) => imageTags(tag, git('tag', '--list').split('\n')).join('\n') },
  bases: {
    run: () => {
      const stages = readDockerfile(files.read('Dockerfile'));
      const own = new Set(stages.map(({ name }) => name));
      return [...new Set(stages.map(({ image }) => image).filter((image) => !own.has(image)))].join('\n');
    },
  },
  notes: {
    options: { repository: text, digest: text, base: { ...text, multiple: true } },
    takes: 'the tag',
    run: (tag, { repository = '', digest, base }) => {
      const [owner, name] = repository.split('/');
      if (!owner || !name) throw new Misused('notes: --repository: expected OWNER/NAME');
      const of = {
        tag,
        owner: owner.toLowerCase(),
        repository,
        changelog: files.read('CHANGELOG.md'),
        digest,
        bases: base,
      };
      return notesOf(of).trimEnd();
    },
  },
  sbom: {
    options: { base: text },
    run: (_, { base }) => {
      if (base !== undefined && !/^[^@\s]+@sha256:[0-9a-f]{64}$/.test(base)) {
        throw new Misused('sbom: --base: expected NAME@sha256:DIGEST');
      }
      return sbomOf({ root: path, created: sourceDate(), base }).trimEnd();
    },
  },
  chart: {
    takes: 'the folder',
    run: (out) =>
      packChart({ chart: `${path}deploy/helm/cairn-signal`, version: files.version, out, created: sourceDate() }),
  },
  publish: {
    options: { 'dry-run': { type: 'boolean' } },
    run: (_, { 'dry-run': dryRun = false }) =>
      publish({ 'cairn-signal': files.version, 'cairn-signal-client': files.clientVersion }, { dryRun }).join('\n'),
  },
};

process.chdir(path);
try {
  const [name, ...rest] = process.argv.slice(2);
  if (name === '--help' || name === '-h') {
    console.log(USAGE);
    process.exit(0);
  }
  if (!Object.hasOwn(COMMANDS, name ?? '')) {
    throw new Misused(`${name ?? 'no command'}: expected ${Object.keys(COMMANDS).join(', ')}`);
  }
  const { options = {}, takes, run } = COMMANDS[name];
  const { values, positionals } = parsed(name, rest, options);
  if (positionals.length !== (takes === undefined ? 0 : 1)) {
    throw new Misused(
      takes === undefined ? `${name}: takes no ${positionals[0]}` : `${name}: expected ${takes}, and nothing more`,
    );
  }
  console.log(run(positionals[0], values));
} catch (error) {
  if (!(error instanceof Misused) && !(error instanceof ReleaseFault)) throw error;
  for (const line of error.message.split('\n')) console.error(`release: ${line}`);
  process.exit(error instanceof Misused ? 2 : 1);
}

function parsed(name, args, options) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Misused(`${name}: ${error.message.split('. ', 1)[0]}`);
  }
}

function git(...args) {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}
