import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { admitting, copyInto, runStage } from '../../../scripts/image/build-stage.mjs';
import { copiesOf, readDockerfile } from '../../../scripts/image/dockerfile.mjs';
import { writeLayout } from '../../../scripts/image/layout.mjs';

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'cairn-signal-layout-'));
});
afterEach(() => rmSync(work, { recursive: true }));

/** Files by their paths, written in this order. */
function files(folder: string, contents: Record<string, string>): string {
  for (const [path, content] of Object.entries(contents)) {
    mkdirSync(join(work, folder, path, '..'), { recursive: true });
    writeFileSync(join(work, folder, path), content);
  }
  return join(work, folder);
}

describe('an image layout', () => {
  const layout = (out: string, folder: string, config: object = {}): unknown =>
    writeLayout(
      join(work, out),
      [{ architecture: 'arm64', config, layers: [{ folder, by: 'COPY x /x' }] }],
      1_700_000_000,
    );

  it('has the same digests for the same files, whenever and in whatever order they were written', () => {
    const [a, b] = [files('a', { 'x/1': 'one', 'y/2': 'two' }), files('b', { 'y/2': 'two', 'x/1': 'one' })];
    for (const folder of [a, b]) symlinkSync('x/1', join(folder, 'link'));
    utimesSync(join(b, 'x/1'), 1, 1);
    const digest = layout('out-a', a, { User: '1' });
    expect(layout('out-b', b, { User: '1' })).toBe(digest);
    expect(layout('out-c', a, { User: '2' })).not.toBe(digest);
    chmodSync(join(b, 'x/1'), 0o755);
    expect(layout('out-d', b, { User: '1' })).not.toBe(digest);
    files('b', { 'x/1': 'other' });
    expect(layout('out-e', b, { User: '1' })).not.toBe(digest);
  });

  it('has an image for each architecture, with its configuration and history', () => {
    layout('out', files('a', { x: '1' }), { User: '65532:65532' });
    const read = (path: string): unknown => JSON.parse(readFileSync(join(work, 'out', path), 'utf8')) as unknown;
    const blob = ({ digest }: { digest: string }): unknown => read(join('blobs', digest.replace(':', '/')));
    type Index = { manifests: [{ digest: string; annotations?: unknown; platform?: unknown }] };
    const index = read('index.json') as Index;
    expect(index.manifests).toEqual([
      expect.objectContaining({ annotations: { 'org.opencontainers.image.ref.name': 'latest' } }),
    ]);
    const [image] = (blob(index.manifests[0]) as Index).manifests;
    expect(image.platform).toEqual({ architecture: 'arm64', os: 'linux' });
    const manifest = blob(image) as { config: { digest: string }; layers: { digest: string }[] };
    expect(blob(manifest.config)).toEqual({
      created: '2023-11-14T22:13:20.000Z',
      architecture: 'arm64',
      os: 'linux',
      config: { User: '65532:65532' },
      rootfs: { type: 'layers', diff_ids: manifest.layers.map(({ digest }) => digest) },
      history: [{ created: '2023-11-14T22:13:20.000Z', created_by: 'COPY x /x' }],
    });
  });
});

describe('.dockerignore', () => {
  it.each([
    ['*\n!src', 'src/a/b', true],
    ['*\n!src', 'srcs', false],
    ['*\n!src\nsrc/secret', 'src/secret/x', false],
    ['*\n!client/src', 'client/src/x', true],
    ['*\n!client/src', 'client/test/x', false],
    ['# x\n\nnode_modules', 'src/x', true],
    ['**/*.pem', 'a/b/key.pem', false],
    ['*.pem', 'a/key.pem', true],
    ['/dist/', 'dist/x', false],
    ['a.b', 'axb', true],
  ])('%j, asked for %s, says %s', (text, path, admitted) => {
    expect(admitting(text)(path)).toBe(admitted);
  });

  it('with a pattern that is not known cannot be used', () => {
    expect(() => admitting('[a-z]')).toThrow('.dockerignore: the pattern [a-z] is not known here');
  });

  it('lets in all that our Dockerfile copies', () => {
    const context = new URL('../../../', import.meta.url).pathname;
    for (const copy of readDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8')).flatMap((stage) =>
      copiesOf(stage),
    )) {
      if ((copy as { from?: string }).from === undefined) copyInto(join(work, 'root'), context, copy);
    }
    expect(readFileSync(join(work, 'root/app/src/main.ts'), 'utf8')).not.toBe('');
  });
});

describe('a stage', () => {
  const run = (dockerfile: string): string => {
    const context = files('context', { '.dockerignore': 'secret', 'in/a': 'a', b: 'b', secret: 's' });
    const root = files('root', {});
    mkdirSync(root, { recursive: true });
    runStage(readDockerfile(`FROM x\n${dockerfile}`)[0], root, context, process.execPath);
    return root;
  };

  it('copies and runs in its working directory, on its Node', () => {
    const root = run('WORKDIR /app\nCOPY in ./out\nCOPY --chmod=750 b ./c/\nRUN node -p 1+1 >two && cat out/a c/b >ab');
    expect(['app/two', 'app/ab'].map((path) => readFileSync(join(root, path), 'utf8'))).toEqual(['2\n', 'ab']);
  });

  it.each([
    ['COPY d /d', 'Dockerfile:2: there is no d to copy'],
    ['COPY secret /d', '.dockerignore keeps secret out'],
    ['USER 1', 'Dockerfile:2: USER in a stage that is not the final one is not known here'],
    ['RUN exit 3', 'Command failed'],
  ])('with %s, fails', (line, fault) => {
    expect(() => run(line)).toThrow(fault);
  });
});
