#!/usr/bin/env node
// Writes a Debian package of the server with its own Node, which Debian's releases do not have. Prints the name of the file.
//   npm run package:deb -- [--arch amd64|arm64] [--node VERSION] [--out FOLDER]
// Needs dpkg-deb, and the npm registry for Node's binary. The same inputs give the same bytes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ARCHITECTURES, fetchNode, NATIVE, run, sourceDate } from './package-inputs.mjs';

const LIB = 'usr/lib/cairn-signal';
const DOC = 'usr/share/doc/cairn-signal';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { name, version, description, homepage } = JSON.parse(readFileSync('package.json', 'utf8'));
const { arch, node, out } = options();
const built = sourceDate();
process.umask(0o022);

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-deb-'));
try {
  const tree = join(folder, 'tree');
  const put = (path, content, mode = 0o644) => {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    writeFileSync(join(tree, path), content, { mode });
  };
  const copy = (from, path, mode) => put(path, readFileSync(from), mode);

  mkdirSync(join(tree, LIB), { recursive: true });
  run('bash', 'scripts/lay-out', join(tree, LIB));
  removeUnused(join(tree, LIB));
  copy(fetchNode(node, arch, folder), `${LIB}/node`, 0o755);
  put('usr/bin/cairn-signal', `#!/bin/sh\nexec /${LIB}/node /${LIB}/dist/main.js "$@"\n`, 0o755);

  copy('deploy/debian/cairn-signal.yaml', 'etc/cairn-signal.yaml');
  copy('deploy/debian/cairn-signal.service', 'lib/systemd/system/cairn-signal.service');
  copy('deploy/debian/cairn-signal.sysusers', 'usr/lib/sysusers.d/cairn-signal.conf');
  copy('deploy/debian/lintian-overrides', 'usr/share/lintian/overrides/cairn-signal');
  copy('config/production.yaml', `${DOC}/examples/production.yaml`);
  put(`${DOC}/copyright`, copyright());
  put(`${DOC}/README.md.gz`, compressed(readFileSync('README.md')));
  put(`${DOC}/changelog.gz`, compressed(readFileSync('CHANGELOG.md')));
  put(`${DOC}/changelog.Debian.gz`, compressed(changelog()));

  put('DEBIAN/conffiles', '/etc/cairn-signal.yaml\n');
  for (const script of ['postinst', 'prerm', 'postrm']) copy(`deploy/debian/${script}`, `DEBIAN/${script}`, 0o755);
  const kilobytes = Number(run('du', '-sk', '--apparent-size', '--exclude=DEBIAN', tree).split('\t')[0]);
  put('DEBIAN/control', control(kilobytes));
  put(
    'DEBIAN/md5sums',
    run('sh', '-c', 'cd "$0" && find usr lib -type f | LC_ALL=C sort | xargs -d "\\n" md5sum', tree),
  );

  mkdirSync(out, { recursive: true });
  const file = join(out, `${name}_${debianVersion()}_${arch}.deb`);
  run('chmod', '-R', 'go-w', tree);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '-z3', '--build', tree, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(built) },
  });
  console.log(file);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function options() {
  try {
    const { values } = parseArgs({
      options: { arch: { type: 'string' }, node: { type: 'string' }, out: { type: 'string', default: '.' } },
    });
    const wanted = values.arch ?? NATIVE;
    if (!Object.hasOwn(ARCHITECTURES, wanted ?? '')) {
      throw new Error(`--arch: expected ${Object.keys(ARCHITECTURES).join(' or ')}`);
    }
    if (values.node !== undefined && !/^\d+(\.\d+){0,2}$/.test(values.node)) {
      throw new Error('--node: expected a version, such as 24 or 24.14.1');
    }
    // The one of the image, unless another one is asked for.
    const image = /^FROM \S+ node:(\d+)-/m.exec(readFileSync('Dockerfile', 'utf8'))[1];
    return { arch: wanted, node: values.node ?? image, out: resolve(values.out) };
  } catch (error) {
    console.error(`package-deb: ${error.message.split('. ', 1)[0]}`);
    process.exit(2);
  }
}

/** Removes what nobody runs: declarations and maps, and other packages' pages and tool settings. */
function removeUnused(at) {
  const named = (...globs) => ['(', ...globs.flatMap((glob) => ['-o', '-name', glob]).slice(1), ')'];
  run('find', at, ...named('*.map', '*.d.ts', '*.d.mts', '*.d.cts'), '-delete');
  run(
    'find',
    join(at, 'node_modules'),
    '-mindepth',
    '1',
    ...named('*.html', '.*'),
    '-prune',
    '-exec',
    'rm',
    '-r',
    '{}',
    '+',
  );
  run('find', at, '-type', 'f', '-exec', 'chmod', '644', '{}', '+');
}

/** A pre-release sorts before its release: 1.0.0-rc.1 is 1.0.0~rc.1 to dpkg. */
function debianVersion() {
  return `${version.replace('-', '~')}-1`;
}

function compressed(content) {
  return gzipSync(content, { level: 9 });
}

function maintainer() {
  return 'The cairn-signal authors <cairn-signal@users.noreply.github.com>';
}

function control(kilobytes) {
  const [short] = description.split(': ');
  return `Package: ${name}
Version: ${debianVersion()}
Architecture: ${arch}
Maintainer: ${maintainer()}
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6, procps, systemd | passwd
Section: net
Priority: optional
Homepage: ${homepage}
Description: ${short.toLowerCase()}
 Peers of cairn, a library for connections from peer to peer, meet here over
 WebSocket. The server relays their handshakes, which it cannot read, and
 writes nothing to disk. It brings its own Node.
`;
}

function changelog() {
  const date = new Date(built * 1000).toUTCString().replace('GMT', '+0000');
  return `${name} (${debianVersion()}) stable; urgency=medium

  * See changelog.gz for what is new in ${version}.

 -- ${maintainer()}  ${date}
`;
}

function copyright() {
  const license = readFileSync('LICENSE', 'utf8');
  const [, holder] = /Copyright \(c\) (.*)/.exec(license);
  const text = license.slice(license.indexOf('Permission')).trim();
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${name}
Source: ${homepage.replace(/#.*/, '')}
Comment: The licenses of Node and of the packages in /${LIB}/node_modules
 lie beside them.

Files: *
Copyright: ${holder}
License: Expat
${text.replace(/^$/gm, '.').replace(/^/gm, ' ')}
`;
}
