#!/usr/bin/env node
// Writes the image that the Dockerfile describes as an OCI image layout, for amd64 and arm64, without Docker. Only the
// base image is another one: scripts/image/base.mjs says what stands in for it. Prints the digest of the index.
//   node scripts/oci-layout.mjs FOLDER
// Needs root, apt and the npm registry. The same inputs give the same digests.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BASE_CONFIG, layOutBase } from './image/base.mjs';
import { copyInto, runStage } from './image/build-stage.mjs';
import { configOf, copiesOf, readDockerfile } from './image/dockerfile.mjs';
import { writeLayout } from './image/layout.mjs';
import { ARCHITECTURES, NATIVE, sourceDate } from './package-inputs.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [out, ...more] = process.argv.slice(2);
if (out === undefined || out.startsWith('-') || more.length > 0) {
  console.error('oci-layout: name one folder to write to');
  process.exit(2);
}
const to = resolve(out);
if (existsSync(to) && readdirSync(to).length > 0) {
  console.error(`oci-layout: ${out} is not empty`);
  process.exit(2);
}
process.chdir(ROOT);
process.umask(0o022);
const work = mkdtempSync(join(tmpdir(), 'cairn-signal-image-'));
chmodSync(work, 0o755);
try {
  const folder = (...path) => {
    mkdirSync(join(work, ...path), { recursive: true });
    return join(work, ...path);
  };
  const stages = readDockerfile(readFileSync('Dockerfile', 'utf8'));
  const final = stages.at(-1);
  const architectures = [NATIVE, ...Object.keys(ARCHITECTURES).filter((arch) => arch !== NATIVE)];
  const nodes = architectures.map((arch) => layOutBase(final.image, arch, folder(arch, 'base'), folder(arch, 'work')));

  /** The folder that stands for a stage's root, with what the final stage copies from it. */
  const rootOf = (arch, name) => {
    const root = folder(arch, name);
    if (arch === NATIVE) {
      runStage(
        stages.find((stage) => stage.name === name),
        root,
        ROOT,
        nodes[0],
      );
      return root;
    }
    // This machine runs no build for another one: what it built before is laid out, with packages for the other.
    execFileSync('bash', ['scripts/lay-out', folder(arch, name, 'app')], {
      env: { ...process.env, npm_config_cpu: ARCHITECTURES[arch], npm_config_os: 'linux', npm_config_libc: 'glibc' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return root;
  };

  const images = architectures.map((arch) => {
    const built = Object.fromEntries(stages.slice(0, -1).map(({ name }) => [name, rootOf(arch, name)]));
    const copied = copiesOf(final, BASE_CONFIG.WorkingDir).map((copy, index) => {
      const layer = folder(arch, `layer-${index}`);
      copyInto(layer, copy.from === undefined ? ROOT : built[copy.from], copy);
      return { folder: layer, by: `COPY ${copy.sources.join(' ')} ${copy.to}` };
    });
    return {
      architecture: arch,
      config: configOf(final, BASE_CONFIG),
      layers: [{ folder: join(work, arch, 'base'), by: `stands in for ${final.image}` }, ...copied],
    };
  });
  console.log(writeLayout(to, images, sourceDate()));
} finally {
  rmSync(work, { recursive: true, force: true });
}
