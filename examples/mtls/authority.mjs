// A certificate authority for tests: its key stays in memory, and its certificates are valid for an hour.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;

export class Authority {
  #name;
  #keys;
  /** The authority's own certificate, PEM. */
  certificate;

  static async make(name) {
    const authority = new Authority();
    authority.#name = name;
    authority.#keys = await generateKeys();
    authority.certificate = await authority.#issue(name, authority.#keys.publicKey, [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ]);
    return authority;
  }

  /** A certificate and its key, both PEM, for a server on 127.0.0.1. */
  server() {
    return this.#certify('127.0.0.1', [
      new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ]);
  }

  /** A certificate and its key, both PEM, for a peer with this name. */
  peer(name) {
    return this.#certify(name, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]);
  }

  async #certify(name, extensions) {
    const { publicKey, privateKey } = await generateKeys();
    const der = await webcrypto.subtle.exportKey('pkcs8', privateKey);
    return { cert: await this.#issue(name, publicKey, extensions), key: x509.PemConverter.encode(der, 'PRIVATE KEY') };
  }

  async #issue(name, publicKey, extensions) {
    const now = Date.now();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [name] }],
      issuer: [{ CN: [this.#name] }],
      notBefore: new Date(now - HOUR_MS),
      notAfter: new Date(now + HOUR_MS),
      publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions,
    });
    return certificate.toString('pem');
  }
}

function generateKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
