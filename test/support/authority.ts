import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export { KeyUsageFlags } from '@peculiar/x509';

const HOUR_MS = 3_600_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** What a certificate says. Times are in milliseconds from now. */
export interface Wanted {
  /** Subject, such as `CN=alice`; none by default. */
  readonly subject?: string;
  /** Names in subjectAltName. */
  readonly names?: x509.JsonGeneralNames;
  readonly expiresIn?: number;
  readonly beginsIn?: number;
  readonly isAuthority?: boolean;
  readonly usage?: x509.KeyUsageFlags;
  readonly purposes?: readonly string[];
}

/** A certificate as a TLS client shows it: with its key, both PEM. */
export interface Shown {
  readonly cert: string;
  readonly key: string;
}

/** What a revocation list says. Times are in milliseconds from now. */
export interface WantedList {
  readonly revoked?: readonly Shown[];
  readonly expiresIn?: number | undefined;
  readonly beginsIn?: number;
  readonly extensions?: x509.Extension[];
}

/** A certificate authority for tests, which makes what one is asked for, right or wrong. */
export class TestAuthority {
  private constructor(
    readonly name: string,
    readonly keys: webcrypto.CryptoKeyPair,
    /** Its certificate, PEM. */
    readonly certificate: string,
    private readonly algorithm: object,
  ) {}

  /** A root, or one below `above`. */
  static async make(
    name: string,
    { above, ...wanted }: Wanted & { readonly above?: TestAuthority } = {},
    algorithm: object = ALGORITHM,
  ): Promise<TestAuthority> {
    x509.cryptoProvider.set(webcrypto as never);
    const keys = await generateKeys(algorithm);
    return TestAuthority.#of(name, keys, above, wanted, algorithm);
  }

  /** The same authority, with a new certificate of its key. */
  renewed(wanted: Wanted = {}): Promise<TestAuthority> {
    return TestAuthority.#of(this.name, this.keys, undefined, wanted, this.algorithm);
  }

  static async #of(
    name: string,
    keys: webcrypto.CryptoKeyPair,
    above: TestAuthority | undefined,
    wanted: Wanted,
    algorithm: object,
  ): Promise<TestAuthority> {
    const issuer = above ?? new TestAuthority(name, keys, '', algorithm);
    const certificate = await issuer.#issue({ subject: `CN=${name}`, isAuthority: true, ...wanted }, keys.publicKey);
    return new TestAuthority(name, keys, certificate, algorithm);
  }

  /** A certificate of a new key. */
  async issue(wanted: Wanted = {}): Promise<Shown> {
    const keys = await generateKeys(ALGORITHM);
    const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { cert: await this.#issue(wanted, keys.publicKey), key: x509.PemConverter.encode(der, 'PRIVATE KEY') };
  }

  /** A revocation list, PEM. */
  async list({
    revoked = [],
    expiresIn = HOUR_MS,
    beginsIn = -HOUR_MS,
    extensions = [],
  }: WantedList = {}): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: `CN=${this.name}`,
      thisUpdate: new Date(Date.now() + Math.min(beginsIn, expiresIn + beginsIn)),
      nextUpdate: new Date(Date.now() + expiresIn),
      entries: revoked.map(({ cert }) => ({
        serialNumber: new x509.X509Certificate(cert).serialNumber,
        revocationDate: new Date(),
      })),
      extensions,
      signingKey: this.keys.privateKey,
      signingAlgorithm: this.algorithm as x509.X509CrlCreateParams['signingAlgorithm'],
    });
    return x509.PemConverter.encode(list.rawData, 'X509 CRL') + '\n';
  }

  async #issue(
    { subject = '', names, expiresIn = HOUR_MS, beginsIn, isAuthority = false, usage, purposes }: Wanted,
    publicKey: webcrypto.CryptoKey,
  ): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: `01${randomBytes(8).toString('hex')}`,
      subject,
      issuer: `CN=${this.name}`,
      notBefore: new Date(Date.now() + (beginsIn ?? Math.min(0, expiresIn) - HOUR_MS)),
      notAfter: new Date(Date.now() + expiresIn),
      publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: this.algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(isAuthority, undefined, true),
        ...(names === undefined ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
        ...(usage === undefined ? [] : [new x509.KeyUsagesExtension(usage, true)]),
        ...(purposes === undefined ? [] : [new x509.ExtendedKeyUsageExtension([...purposes])]),
      ],
    });
    return `${certificate.toString('pem')}\n`;
  }
}

function generateKeys(algorithm: object): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, ['sign', 'verify']);
}
