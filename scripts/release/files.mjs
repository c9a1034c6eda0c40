// The places that say which version this is.
import { readFileSync, writeFileSync } from 'node:fs';
import { promote, sectionOf } from './changelog.mjs';
import { compareVersions, readVersion, ReleaseFault, versionOf } from './version.mjs';

/** Places that hold the server's version, each with a pattern whose second part is the version. */
const PLACES = [
  ['package.json', /^( {2}"version": ")([^"]*)/m],
  ['package-lock.json', /^( {2}"version": ")([^"]*)/m],
  ['package-lock.json', /^( {4}"": \{\n {6}"name": "cairn-signal",\n {6}"version": ")([^"]*)/m],
  ['deploy/helm/cairn-signal/Chart.yaml', /^(version: )(.*)$/m],
  ['deploy/helm/cairn-signal/Chart.yaml', /^(appVersion: )(.*)$/m],
  ['deploy/kubernetes/kustomization.yaml', /^( {4}newTag: )(.*)$/m],
];
const CLIENT_PLACES = [
  ['client/package.json', /^( {2}"version": ")([^"]*)/m],
  ['package-lock.json', /^( {4}"client": \{\n {6}"name": "cairn-signal-client",\n {6}"version": ")([^"]*)/m],
];

/** Reads and writes the files of a checkout. */
export class Files {
  /** @param {URL} root */
  constructor(root) {
    this.root = root;
  }

  read(path) {
    return readFileSync(new URL(path, this.root), 'utf8');
  }

  write(path, text) {
    writeFileSync(new URL(path, this.root), text);
  }

  get version() {
    return JSON.parse(this.read('package.json')).version;
  }

  get clientVersion() {
    return JSON.parse(this.read('client/package.json')).version;
  }
}

/**
 * Says all that keeps a tag from being released: places with another version, and what the changelogs lack.
 * @param {Files} files
 * @param {string} tag
 * @returns {string[]} nothing where it can be released
 * @throws ReleaseFault if it is no tag of a release
 */
export function faultsOf(files, tag) {
  const { text: version } = versionOf(tag);
  const client = files.clientVersion;
  const wrong = (places, expected) =>
    places.flatMap(([path, pattern]) => {
      const found = pattern.exec(files.read(path))?.[2];
      return found === expected ? [] : [`${path} says ${found ?? 'no version'}, not ${expected}`];
    });
  const lacks = (path, of) => {
    try {
      sectionOf(files.read(path), of);
      return [];
    } catch (error) {
      if (!(error instanceof ReleaseFault)) throw error;
      return [`${path}: ${error.message}`];
    }
  };
  return [
    ...wrong(PLACES, version),
    ...wrong(CLIENT_PLACES, client),
    ...lacks('CHANGELOG.md', version),
    ...lacks('client/CHANGELOG.md', client),
  ];
}

/**
 * Sets the version in all places, and gives what is unreleased in the changelog that version. The same for the client,
 * where its version is given: without it, the client is not released.
 * @param {Files} files
 * @param {{ version: string, client?: string, date: string }} wanted
 * @throws ReleaseFault, and then no file has changed
 */
export function prepare(files, { version, client, date }) {
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || !new Date(`${date}T00:00Z`).toJSON()?.startsWith(date)) {
    throw new ReleaseFault(`${date} is no date: expected one such as 2026-01-31`);
  }
  const texts = new Map();
  const edit = (path, change) => texts.set(path, change(texts.get(path) ?? files.read(path)));
  const raise = (places, changelog, wanted, current) => {
    if (compareVersions(readVersion(wanted), readVersion(current)) <= 0) {
      throw new ReleaseFault(`${wanted} does not come after ${current}`);
    }
    edit(changelog, (text) => promote(text, wanted, date));
    for (const [path, pattern] of places) {
      edit(path, (text) => {
        if (!pattern.test(text)) throw new ReleaseFault(`${path} says no version`);
        return text.replace(pattern, (_, before) => `${before}${wanted}`);
      });
    }
  };
  raise(PLACES, 'CHANGELOG.md', version, files.version);
  if (client !== undefined) {
    // The first version of the client may be the one that is there.
    const first = !/^## \d/m.test(files.read('client/CHANGELOG.md')) && client === files.clientVersion;
    if (first) edit('client/CHANGELOG.md', (text) => promote(text, client, date));
    else raise(CLIENT_PLACES, 'client/CHANGELOG.md', client, files.clientVersion);
  }
  for (const [path, text] of texts) files.write(path, text);
}
