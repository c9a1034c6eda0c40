import 'reflect-metadata';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Holder {
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** A certificate authority, an intermediate one and a server certificate for localhost and 127.0.0.1, made for one test. */
export interface Certificates {
  /** The authority that a client must trust, PEM. */
  readonly ca: string;
  /** Paths: the server's chain (its certificate, then the intermediate one), its key, and a key that belongs to neither. */
  readonly chain: string;
  readonly key: string;
  readonly otherKey: string;
  /** Path of a file that is no PEM at all. */
  readonly garbage: string;
  remove(): void;
}

export async function makeCertificates(): Promise<Certificates> {
  x509.cryptoProvider.set(webcrypto as never);
  const [root, intermediate, server, other] = await Promise.all(
    ['test root', 'test intermediate', 'localhost', 'other'].map(async (name): Promise<Holder> => ({ name, keys: await generateKeys() })),
  );
  const names = new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }, { type: 'ip', value: '127.0.0.1' }]);
  const authority = new x509.BasicConstraintsExtension(true, undefined, true);
  const rootCertificate = await issue(root, root, authority);
  const chain = [await issue(server, intermediate, names), await issue(intermediate, root, authority)];

  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-tls-'));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return {
    ca: rootCertificate.toString('pem'),
    chain: write('chain.pem', chain.map((certificate) => certificate.toString('pem')).join('\n')),
    key: write('key.pem', await privateKey(server)),
    otherKey: write('other-key.pem', await privateKey(other)),
    garbage: write('garbage.pem', 'not a certificate'),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function issue(holder: Holder, issuer: Holder, extension: x509.Extension): Promise<x509.X509Certificate> {
  const hour = 3_600_000;
  return x509.X509CertificateGenerator.create({
    subject: `CN=${holder.name}`,
    issuer: `CN=${issuer.name}`,
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + hour),
    publicKey: holder.keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [extension],
  });
}

async function privateKey(holder: Holder): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', holder.keys.privateKey));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
