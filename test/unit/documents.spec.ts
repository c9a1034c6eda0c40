import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../src/config/load-settings.js';
import { settingNames } from '../../src/config/settings.js';
import { METRICS } from '../../src/exposition/metric-table.js';
import { PROCESS_METRICS } from '../../src/exposition/process-metrics.js';
import { CloseCode } from '../../src/protocol/close-codes.js';
import { anchorsOf, linksOf } from '../support/markdown.js';

/** Documents about the program as it is, and their texts. The changelog and its list of messages tell of what was. */
const documents = new Map(
  [
    ...readdirSync('.'),
    ...[
      'docs',
      'docs/adr',
      'examples',
      'config',
      'deploy/prometheus',
      'deploy/grafana',
      'deploy/kubernetes',
      'deploy/helm/cairn-signal',
      'client',
      'client/docs',
      'deploy/turn',
    ]
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))),
  ]
    .filter((path) => path.endsWith('.md') && !/CHANGELOG|changed-messages/.test(path))
    .map((path) => [path, readFileSync(path, 'utf8')]),
);

/** What all documents say that matches, each with the document. */
const said = (pattern: RegExp): [path: string, match: RegExpExecArray][] =>
  [...documents].flatMap(([path, text]) =>
    [...text.matchAll(pattern)].map((match): [string, RegExpExecArray] => [path, match]),
  );
const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const UNITS: Record<string, number> = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  s: 1000,
  minutes: 60_000,
  hour: 3_600_000,
};

describe('the documents', () => {
  it('are found', () => {
    expect([...documents.keys()]).toEqual(
      expect.arrayContaining([
        'README.md',
        'client/README.md',
        'SECURITY.md',
        'docs/protocol.md',
        'docs/operations.md',
      ]),
    );
  });

  it('have in docs/protocol.md every close code of the server, and no other', () => {
    const section = /\n## 4\. Close codes\n([^]*?)\n## /.exec(documents.get('docs/protocol.md')!)![1];
    const codes = [...section.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code));
    expect(codes.toSorted((a, b) => a - b)).toEqual([...new Set(Object.values(CloseCode))].toSorted((a, b) => a - b));
  });

  it('quote settings at their defaults', () => {
    const defaults = new Map(Object.entries(parseSettings({})).map(([name, value]) => [kebab(name), value]));
    const quoted = said(/`([a-z-]+)` \((\d[\d,]*) ?(KiB|MiB|GiB|s|minutes|hour|)\b(?! to)/g).filter(
      ([, [, name, , unit]]) =>
        defaults.has(name) && !(unit === '' && name.startsWith('max-') && name.endsWith('bytes')),
    );
    // 429 and 503 are what a peer gets at a limit; max-connections-per-ip has a default by kind of address.
    const figures = quoted.filter(
      ([, [, name, figure]]) => !/^[45]\d\d$/.test(figure) && name !== 'max-connections-per-ip',
    );
    expect(figures.length).toBeGreaterThanOrEqual(6);
    for (const [path, [text, name, figure, unit]] of figures) {
      expect([path, text, Number(figure.replaceAll(',', '')) * UNITS[unit]]).toEqual([path, text, defaults.get(name)]);
    }
  });

  it('name only environment variables that are settings', () => {
    const settings = settingNames.map((name) => `CAIRN_SIGNAL_${kebab(name).replaceAll('-', '_').toUpperCase()}`);
    // The file of settings, and what Kubernetes sets for a Service of that name.
    const known = new Set([...settings, 'CAIRN_SIGNAL_CONFIG', 'CAIRN_SIGNAL_PORT']);
    const named = said(/CAIRN_SIGNAL_[A-Z_]*[A-Z]\b(?!_|\*)/g);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(([, [name]]) => !known.has(name)).map(([path, [name]]) => `${path}: ${name}`)).toEqual([]);
  });

  it('name only metrics that there are', () => {
    const known = new Set([...METRICS, ...PROCESS_METRICS].map(({ name }) => name));
    const named = said(/\bcairn_signal_[a-z_]*[a-z]\b(?!_|\*|::)/g);
    const unknown = named.filter(([, [name]]) => !known.has(name.replace(/_(?:bucket|count|sum)$/, '')));
    expect(named.length).toBeGreaterThan(20);
    expect(unknown.map(([path, [name]]) => `${path}: ${name}`)).toEqual([]);
  });

  it('link only to what is there', () => {
    const links = [...documents].flatMap(([path, text]) => linksOf(text).map((link) => [path, link] as const));
    const within = links.filter(([, link]) => !/^(?:https?|mailto|wss?):/.test(link));
    expect(within.length).toBeGreaterThan(100);
    const dead = within.filter(([path, link]) => {
      const [file, anchor] = link.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      if (!existsSync(target)) return true;
      return (
        anchor !== undefined && target.endsWith('.md') && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
      );
    });
    expect(dead.map(([path, link]) => `${path}: ${link}`)).toEqual([]);
  });

  it('name only files of the project that are there', () => {
    const files = said(/`((?:src|test|scripts|config|deploy|examples|bench|docs)\/[\w./-]+)`/g);
    expect(files.length).toBeGreaterThan(5);
    const gone = files.filter(([, [, file]]) => !existsSync(file));
    expect(gone.map(([path, [, file]]) => `${path}: ${file}`)).toEqual([]);
  });
});
