import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import { atTheEnd } from './child-processes.mjs';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/**
 * Makes a certificate for this run, with a key on the curve P-256 as public authorities sign them today, in a folder that
 * is deleted when this process ends.
 * @returns {Promise<{ cert: string, key: string, both: string }>} paths of PEM files; HAProxy wants both in one
 */
export async function newCertificate() {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=localhost', keys, notAfter: new Date(Date.now() + DAY_MS), signingAlgorithm: ALGORITHM },
    webcrypto,
  );
  const cert = certificate.toString('pem');
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-bench-tls-'));
  atTheEnd(() => rmSync(folder, { recursive: true, force: true }));
  const write = (/** @type {string} */ name, /** @type {string} */ text) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return { cert: write('cert.pem', cert), key: write('key.pem', key), both: write('both.pem', `${cert}\n${key}\n`) };
}
