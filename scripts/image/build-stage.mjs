import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { copiesOf } from './dockerfile.mjs';

/**
 * Runs a stage of the Dockerfile in a folder that stands for its root: RUN with `sh` in the working directory, and COPY
 * from what .dockerignore lets into the build's context.
 * @param stage of readDockerfile
 * @param root an empty folder
 * @param context the repository
 * @param node the binary of the stage's Node
 */
export function runStage(stage, root, context, node) {
  const copies = copiesOf(stage);
  let at = '/';
  for (const { line, name, rest, words } of stage.instructions) {
    if (name === 'WORKDIR') {
      at = posix.resolve(at, words[0]);
      mkdirSync(join(root, at), { recursive: true });
    } else if (name === 'COPY') {
      copyInto(
        root,
        context,
        copies.find((copy) => copy.line === line),
      );
    } else if (name === 'RUN' && rest === 'npm ci' && isInstalled(join(root, at), context)) {
      // What the same lock file has installed here. Links save half a minute; npm deletes files, and writes into none.
      execFileSync('cp', ['-al', join(context, 'node_modules'), join(root, at)]);
    } else if (name === 'RUN') {
      execFileSync('sh', ['-c', rest], {
        cwd: join(root, at),
        env: { ...process.env, ...QUICK_NPM, PATH: `${dirname(node)}:${process.env.PATH}` },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    } else {
      throw new Error(`Dockerfile:${line}: ${name} in a stage that is not the final one is not known here`);
    }
  }
}

/** Whether `npm ci` has run in the context with the lock file of the stage, and links can lead there. */
function isInstalled(folder, context) {
  const locked = (path) => Object.entries(JSON.parse(readFileSync(path, 'utf8')).packages);
  const installed = join(context, 'node_modules/.package-lock.json');
  if (!existsSync(installed) || statSync(context).dev !== statSync(folder).dev) return false;
  const versions = new Map(
    locked(installed).map(([path, { version, integrity }]) => [path, `${version} ${integrity}`]),
  );
  // npm leaves out what is for other platforms.
  return locked(join(folder, 'package-lock.json')).every(
    ([path, { version, integrity, optional }]) =>
      !path.startsWith('node_modules/') || versions.get(path) === `${version} ${integrity}` || optional === true,
  );
}

/** Where npm has fetched a package before, the network is not asked again. The lock file says what is installed. */
const QUICK_NPM = {
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_loglevel: 'error',
};

/**
 * Copies as COPY does.
 * @param root the folder that stands for the root of the image
 * @param source the context, or the root of another stage
 * @param copy one of copiesOf
 */
export function copyInto(root, source, { line, from, sources, to, folder, mode }) {
  const admits = from === undefined ? admitting(readFileSync(join(source, '.dockerignore'), 'utf8')) : () => true;
  for (const path of sources) {
    const found = join(source, path);
    if (!existsSync(found)) throw new Error(`Dockerfile:${line}: there is no ${path} to copy`);
    const isFolder = statSync(found).isDirectory();
    const target = join(root, to, folder && !isFolder ? posix.basename(path) : '');
    mkdirSync(dirname(target), { recursive: true });
    if (!isFolder && !admits(posix.normalize(path))) throw new Error(`.dockerignore keeps ${path} out`);
    cpSync(found, target, {
      recursive: true,
      verbatimSymlinks: true,
      mode: 0,
      filter: (file) =>
        statSync(file, { throwIfNoEntry: false })?.isDirectory() !== false || admits(relative(source, file)),
    });
    if (isFolder && !existsSync(target)) throw new Error(`.dockerignore keeps ${path} out`);
    if (mode !== undefined) chmodSync(target, Number.parseInt(mode, 8));
  }
}

/**
 * Tells what .dockerignore lets into the context: the last line that matches a path, or a folder above it, decides.
 * @param text of .dockerignore
 * @returns a function that takes the path of a file
 */
export function admitting(text) {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, not, pattern] = /^(!?)\/?(.*?)\/?$/.exec(line);
      if (/[[\]\\]/.test(pattern)) throw new Error(`.dockerignore: the pattern ${pattern} is not known here`);
      const source = pattern
        .replaceAll(/[.+^${}()|]/g, String.raw`\$&`)
        .replaceAll(/\*\*\/?|\*|\?/g, (wild) => ({ '*': '[^/]*', '?': '[^/]' })[wild] ?? '.*');
      return { admits: not === '!', matches: new RegExp(`^${source}(?:/|$)`) };
    });
  return (path) => rules.findLast(({ matches }) => matches.test(path))?.admits ?? true;
}
