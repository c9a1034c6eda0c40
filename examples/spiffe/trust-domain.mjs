// A SPIFFE trust domain for tests, in place of SPIRE or Istio: an authority whose keys stay in memory, and which issues
// X.509-SVIDs and revocation lists.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const MINUTE_MS = 60_000;

export class TrustDomain {
  #name;
  #keys;
  /** The trust bundle, PEM. */
  bundle;

  static async make(name) {
    const domain = new TrustDomain();
    domain.#name = name;
    domain.#keys = await generateKeys();
    domain.bundle = await domain.#issue(domain.#keys.publicKey, `spiffe://${name}`, 60 * MINUTE_MS, [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ]);
    return domain;
  }

  /** An X.509-SVID for the workload with this path, and its key, both PEM: a new key and certificate each time. */
  async svid(path, milliseconds = 5 * MINUTE_MS) {
    const { publicKey, privateKey } = await generateKeys();
    const cert = await this.#issue(publicKey, `spiffe://${this.#name}${path}`, milliseconds, [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    ]);
    const der = await webcrypto.subtle.exportKey('pkcs8', privateKey);
    return { cert, key: x509.PemConverter.encode(der, 'PRIVATE KEY') };
  }

  /** A revocation list that names these certificates, PEM. */
  async revoke(...certificates) {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#issuer,
      thisUpdate: new Date(Date.now() - MINUTE_MS),
      nextUpdate: new Date(Date.now() + 60 * MINUTE_MS),
      entries: certificates.map(({ cert }) => ({
        serialNumber: new x509.X509Certificate(cert).serialNumber,
        revocationDate: new Date(),
      })),
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
    });
    return x509.PemConverter.encode(list.rawData, 'X509 CRL');
  }

  get #issuer() {
    return [{ O: ['SPIFFE'] }];
  }

  async #issue(publicKey, id, milliseconds, extensions) {
    const isAuthority = id === `spiffe://${this.#name}`;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: `01${randomBytes(8).toString('hex')}`,
      // A workload has no name but its SPIFFE ID.
      subject: isAuthority ? this.#issuer : '',
      issuer: this.#issuer,
      notBefore: new Date(Date.now() - MINUTE_MS),
      notAfter: new Date(Date.now() + milliseconds),
      publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: id }], !isAuthority), ...extensions],
    });
    return certificate.toString('pem');
  }
}

function generateKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
