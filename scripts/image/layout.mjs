import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes an OCI image layout: one image for each architecture, with an index of them that is named `latest`. The same
 * files give the same digests: times, owners and the order of files come from here. Layers are tar files without
 * compression, whose digests no version of zlib changes.
 * @param out an empty folder
 * @param images each `{ architecture, config, layers: [{ folder, by }] }`: the base's layer first; `by` says what made it
 * @param created Unix seconds that everything was made at
 * @returns the digest of the index
 */
export function writeLayout(out, images, created) {
  const blobs = join(out, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const time = new Date(created * 1000).toISOString();
  const json = (type, value, extra = {}) => {
    const content = JSON.stringify(value);
    const digest = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(blobs, digest), content);
    return {
      mediaType: `application/vnd.oci.image.${type}`,
      digest: `sha256:${digest}`,
      size: content.length,
      ...extra,
    };
  };
  const manifests = images.map(({ architecture, config, layers }) => {
    const packed = layers.map(({ folder }) => layer(folder, blobs, created));
    const history = layers.map(({ by }) => ({ created: time, created_by: by }));
    const rootfs = { type: 'layers', diff_ids: packed.map(({ digest }) => digest) };
    const platform = { architecture, os: 'linux' };
    return json(
      'manifest.v1+json',
      {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: json('config.v1+json', { created: time, ...platform, config, rootfs, history }),
        layers: packed,
      },
      { platform },
    );
  });
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  const named = json('index.v1+json', index, { annotations: { 'org.opencontainers.image.ref.name': 'latest' } });
  writeFileSync(join(out, 'index.json'), JSON.stringify({ ...index, manifests: [named] }));
  writeFileSync(join(out, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return named.digest;
}

/** Packs a folder as a layer, into a blob. Modes are those of the folder. */
function layer(folder, blobs, created) {
  const file = join(blobs, 'layer');
  const owner = '--owner=0 --group=0 --numeric-owner';
  const format = '--format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --hard-dereference';
  const packed = `--create --sort=name --mtime=@${created} ${owner} ${format}`.split(' ');
  execFileSync('tar', [...packed, '--file', file, '--directory', folder, '.'], {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const content = readFileSync(file);
  const digest = createHash('sha256').update(content).digest('hex');
  renameSync(file, join(blobs, digest));
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${digest}`, size: content.length };
}
