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

/** A CA, an intermediate CA and a server certificate for localhost and 127.0.0.1, made for one test. */
export interface Certificates {
  /** The CA that a client must trust, in PEM. */
  readonly ca: string;
  /**
   * Paths of the server's chain (its certificate, then the intermediate one), of its key, and of a key that belongs to
   * neither.
   */
  readonly chain: string;
  readonly key: string;
  readonly otherKey: string;
  /** Path of a file that is not PEM. */
  readonly garbage: string;
  remove(): void;
}

export async function makeCertificates(): Promise<Certificates> {
  const { ca, server, intermediate, key } = await makeChain();
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-tls-'));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return {
    ca,
    chain: write('chain.pem', server + intermediate),
    key: write('key.pem', key),
    otherKey: write('other-key.pem', await privateKey({ name: 'other', keys: await generateKeys() })),
    garbage: write('garbage.pem', 'not a certificate'),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

const HOUR_MS = 3_600_000;

/** How a chain differs from a good one. */
export interface ChainOptions {
  /** Name in the server's certificate. */
  readonly host?: string;
  /** Addresses in it: 127.0.0.1 by default, if the name is localhost. */
  readonly addresses?: readonly string[];
  /** When the server's certificate, or the intermediate one, expires, in milliseconds from now. */
  readonly expiresIn?: number;
  readonly intermediateExpiresIn?: number;
  /** When the server's certificate becomes valid; an hour ago by default. */
  readonly beginsIn?: number;
}

/** A root CA, an intermediate CA, and a server's certificate with its key, each in PEM. */
export interface Chain {
  readonly ca: string;
  readonly intermediate: string;
  readonly server: string;
  readonly key: string;
  /** A self-signed certificate of the server's key. */
  readonly selfSigned: string;
  /** An expired certificate of the root's key, issued by an older root. */
  readonly crossSigned: string;
}

export async function makeChain({
  host = 'localhost',
  addresses = host === 'localhost' ? ['127.0.0.1'] : [],
  expiresIn = HOUR_MS,
  intermediateExpiresIn = HOUR_MS,
  beginsIn,
}: ChainOptions = {}): Promise<Chain> {
  x509.cryptoProvider.set(webcrypto as never);
  const [root, intermediate, server, older] = await Promise.all(
    ['test root', 'test intermediate', host, 'older root'].map(async (name): Promise<Holder> => ({
      name,
      keys: await generateKeys(),
    })),
  );
  const names = new x509.SubjectAlternativeNameExtension([
    { type: 'dns', value: host },
    ...addresses.map((value) => ({ type: 'ip', value }) as const),
  ]);
  const authority = new x509.BasicConstraintsExtension(true, undefined, true);
  const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;
  return {
    ca: pem(await issue(root, root, authority)),
    intermediate: pem(await issue(intermediate, root, authority, intermediateExpiresIn)),
    server: pem(await issue(server, intermediate, names, expiresIn, beginsIn)),
    key: await privateKey(server),
    selfSigned: pem(await issue(server, server, names)),
    crossSigned: pem(await issue(root, older, authority, -HOUR_MS)),
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function issue(
  holder: Holder,
  issuer: Holder,
  extension: x509.Extension,
  expiresIn = HOUR_MS,
  beginsIn = Math.min(0, expiresIn) - HOUR_MS,
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    subject: `CN=${holder.name}`,
    issuer: `CN=${issuer.name}`,
    notBefore: new Date(Date.now() + beginsIn),
    notAfter: new Date(Date.now() + expiresIn),
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
