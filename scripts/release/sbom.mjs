import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The bill of materials of what the image holds, in CycloneDX: the server, its packages, the code of cbor-x that is in
 * dist, and the base image where it is given. It is made of the packages as the image has them. Needs what is built in
 * dist. The same inputs give the same text.
 * @param {{ root: string, created: number, base?: string }} of `created`: Unix seconds; `base`: NAME@sha256:DIGEST
 */
export function sbomOf({ root, created, base }) {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const bill = billOf(root);
  const cbor = lockedComponent(root, 'cbor-x');
  const has = bill.components.some(({ purl }) => purl === cbor.purl);
  const bases = base === undefined ? [] : [baseComponent(base)];
  bill.components = [...bill.components, ...(has ? [] : [cbor]), ...bases].toSorted(byRef);
  // npm calls the server by the folder, makes another serial number each time, and tells its own version.
  const server = component('application', name, version, `pkg:npm/${name}@${version}`);
  const dependencies = bill.dependencies.map((one) =>
    one.ref === bill.metadata.component['bom-ref'] ? { ...one, ref: server['bom-ref'] } : one,
  );
  bill.dependencies = dependencies.toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
  bill.metadata = { ...bill.metadata, timestamp: new Date(created * 1000).toISOString(), component: server };
  delete bill.serialNumber;
  delete bill.metadata.tools;
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** What npm says of the packages that the image has. */
function billOf(root) {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-sbom-'));
  try {
    execFileSync('bash', ['scripts/lay-out', folder], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    const options = ['--omit=dev', '--sbom-format=cyclonedx', '--sbom-type=application'];
    const text = execFileSync('npm', ['sbom', ...options], { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 });
    return JSON.parse(text);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const byRef = (a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1);

/** A package of the lock file that is in dist rather than in node_modules. */
function lockedComponent(root, name) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
  return component('library', name, version, `pkg:npm/${name}@${version}`, [{ alg: 'SHA-512', content }]);
}

function component(type, name, version, purl, hashes) {
  return { 'bom-ref': purl, type, name, version, purl, ...(hashes && { hashes }) };
}

function baseComponent(base) {
  const [name, digest] = base.split('@');
  return component(
    'container',
    name,
    digest,
    `pkg:oci/${name.split('/').at(-1)}@${encodeURIComponent(digest)}?repository_url=${encodeURIComponent(name)}`,
  );
}
