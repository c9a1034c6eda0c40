import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Misused } from '../../../bench/arguments.mjs';
import { measuredNodes, otherServers, supports } from '../../../bench/nodes.mjs';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-nodes-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that runs a line of shell. */
const program = (name: string, line: string, mode = 0o755): string => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, mode);
  return path;
};

describe('the Nodes to measure', () => {
  it('are the one of this process when none is given', () => {
    expect(measuredNodes([])).toEqual([{ path: process.execPath, label: process.version }]);
  });

  it('have the versions that they tell, and two of one version are told apart', () => {
    const other = program('other', 'echo node v24.99.0');
    const flagged = program('flagged', `exec "${process.execPath}" --max-semi-space-size=2 "$@"`);
    expect(measuredNodes([process.execPath, other, flagged])).toEqual([
      { path: process.execPath, label: process.version },
      { path: other, label: 'v24.99.0' },
      { path: flagged, label: `${process.version} #2` },
    ]);
  });

  it.each([
    ['what is not there', (): string => join(folder, 'gone'), /^--node: there is no .*gone$/],
    ['a folder', (): string => folder, /^--node: .* is not a program that may be started$/],
    ['another program', (): string => program('silent', 'exit 0'), /^--node: .*silent is not Node: /],
    ['a program that fails', (): string => program('failing', 'exit 1'), /^--node: .*failing is not Node: /],
    ['an old Node', (): string => program('old', 'echo node v18.20.4'), /old is Node v18\.20\.4, but .* needs \^20\./],
    ['an odd Node', (): string => program('odd', 'echo node v23.1.0'), /odd is Node v23\.1\.0, but the server needs/],
  ])('refuse %s in one line that names it', (_what, path, line) => {
    const refusing = (): unknown => measuredNodes([process.execPath, path()]);
    expect(refusing).toThrow(Misused);
    expect(refusing).toThrow(line);
  });
});

describe('other servers to measure', () => {
  it('have the names of their files, or the names they are given', () => {
    const [rust, main] = [program('cairn', 'exit'), program('main.js', '', 0o644)];
    expect(otherServers([rust, main, `before=${main}`])).toEqual([
      { name: 'cairn', program: rust, onNode: false },
      { name: 'main', program: main, onNode: true },
      { name: 'before', program: main, onNode: true },
    ]);
  });

  it.each([
    ['what is not there', (): string[] => [join(folder, 'gone')], /^--beside: there is no .*gone$/],
    ['a name of nothing', (): string[] => ['name='], /^--beside: there is no name=$/],
    ['a folder', (): string[] => [folder], /^--beside: .* is not a file$/],
    ['a text', (): string[] => [program('text', '', 0o644)], /^--beside: .*text is not a program that may be started$/],
    ['two of a name', (): string[] => ['a=/bin/sh', 'a=/bin/ls'], '--beside: two are called a; give one as NAME=PATH'],
  ])('refuse %s in one line that names it', (_what, given, line) => {
    const refusing = (): unknown => otherServers(given());
    expect(refusing).toThrow(Misused);
    expect(refusing).toThrow(line);
  });
});

describe('a range of versions', () => {
  const RANGE = '^20.20.2 || ^22.22.2 || >=26.0.0';

  it.each(['v20.20.2', 'v20.21.0', 'v22.99.0', 'v26.0.0', 'v26.0.0-nightly', 'v27.0.1', 'v100.0.0'])(
    'has %s',
    (version) => {
      expect(supports(RANGE, version)).toBe(true);
    },
  );

  it.each(['v20.20.1', 'v20.19.9', 'v22.22.1', 'v24.14.1', 'v25.9.0', 'v2.30.30'])('does not have %s', (version) => {
    expect(supports(RANGE, version)).toBe(false);
  });

  it('must be written as package.json writes it', () => {
    expect(() => supports('~24', 'v24.0.0')).toThrow('~24 is not understood');
  });
});
