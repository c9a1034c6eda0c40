import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { fetchNode } from '../package-inputs.mjs';

/** What Node's binary loads. */
const PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'];

/** The configuration of gcr.io/distroless/nodejs*, by its project's build files. */
export const BASE_CONFIG = {
  Env: [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
  ],
  Entrypoint: ['/nodejs/bin/node'],
  User: '0',
  WorkingDir: '/',
};

/**
 * Lays out what stands in for the base image, since registries of images cannot be reached everywhere: Node's binary of
 * the same line, as both take it from Node's project, and the libraries that it loads, from Debian. The base image has
 * these and a little more (certificates, time zones, OpenSSL), so what runs here runs there.
 * @param image the base image, gcr.io/distroless/nodejs24-debian12 or another line of it
 * @param arch amd64 or arm64
 * @param folder an empty one for it
 * @param work another one, for downloads
 * @returns the path of Node's binary in the folder
 */
export function layOutBase(image, arch, folder, work) {
  const [, line] =
    /^gcr\.io\/distroless\/nodejs(\d+)-debian\d+(?::[\w.-]+)?(?:@sha256:[\da-f]{64})?$/.exec(image) ?? [];
  if (line === undefined) throw new Error(`nothing here stands in for the image ${image}`);
  for (const deb of fetchPackages(arch, work)) execFileSync('dpkg-deb', ['--extract', deb, folder]);
  const made = (path) => {
    mkdirSync(join(folder, path), { recursive: true });
    return join(folder, path);
  };
  const node = join(made('nodejs/bin'), 'node');
  copyFileSync(fetchNode(line, arch, work), node);
  chmodSync(node, 0o755);
  writeFileSync(
    join(made('etc'), 'passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  );
  writeFileSync(join(made('etc'), 'group'), 'root:x:0:\nnonroot:x:65532:\n');
  chmodSync(made('tmp'), 0o1777);
  return node;
}

/** Fetches Debian's packages for any architecture, from where this machine gets its own. Returns their paths. */
function fetchPackages(arch, work) {
  const state = join(work, 'apt');
  mkdirSync(join(state, 'lists/partial'), { recursive: true });
  mkdirSync(join(state, 'archives/partial'), { recursive: true });
  // apt as if this were a machine of that architecture, without any package. Nothing of this machine changes.
  const options = [
    `APT::Architecture=${arch}`,
    `APT::Architectures=${arch}`,
    'APT::Sandbox::User=root',
    `Dir::State::lists=${join(state, 'lists')}`,
    `Dir::Cache=${state}`,
    'Dir::State::status=/dev/null',
  ].flatMap((option) => ['-o', option]);
  const apt = (...args) =>
    execFileSync('apt-get', [...options, '-qq', ...args], { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] });
  apt('update');
  apt('download', ...PACKAGES);
  return readdirSync(work)
    .filter((file) => file.endsWith('.deb'))
    .toSorted()
    .map((file) => join(work, file));
}
