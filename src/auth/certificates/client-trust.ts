import type { X509Certificate } from 'node:crypto';
import { Authority, nameKey } from './authority.js';
import type { RevocationList } from './revocation-list.js';

/**
 * The authorities above a certificate: the one that issued it first, a root of `tls-client-ca` last. Empty where OpenSSL
 * saw one and Node does not show it.
 */
export type Path = readonly Authority[];

const DAY_MS = 86_400_000;
/** A list that is renewed automatically has more of its time left than this, or more days. */
const SOON_PART = 1 / 4;
const SOON_DAYS = 7;

/** A revocation list, and the authority that signed it. */
export interface SignedList {
  readonly list: Pick<RevocationList, 'issuedAt' | 'expiresAt' | 'serials'>;
  readonly by: Authority;
}

/** What there is to know of the revocation of certificates that one key issued. */
interface Lists {
  readonly serials: readonly ReadonlySet<string>[];
  /** When the first of them expires, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Whom `tls-client-ca` and `tls-client-crl` trust: authorities, and what they revoked. Knows nothing of sockets or
 * settings.
 * Invariant: it never changes. A path from here ends at a root of `tls-client-ca`, and each certificate on it was
 * issued by the next. OpenSSL has checked everything else that RFC 5280 asks for.
 */
export class ClientTrust {
  readonly #bySubject: ReadonlyMap<string, readonly Authority[]>;
  readonly #lists = new Map<string, Lists>();
  /** Whether the paths of connected peers still hold. */
  readonly #holds = new WeakMap<Path, boolean>();

  /** Every list must be signed by one of the authorities. `pem` is the content of `tls-client-ca`, for OpenSSL. */
  constructor(
    readonly pem: Buffer,
    readonly authorities: readonly Authority[],
    readonly lists: readonly SignedList[] = [],
  ) {
    const bySubject = new Map<string, Authority[]>();
    for (const one of authorities) bySubject.set(one.subject, [...(bySubject.get(one.subject) ?? []), one]);
    this.#bySubject = bySubject;
    for (const { list, by } of lists) {
      const { serials, expiresAt } = this.#lists.get(by.keyId) ?? { serials: [], expiresAt: Infinity };
      this.#lists.set(by.keyId, {
        serials: [...serials, list.serials],
        expiresAt: Math.min(expiresAt, list.expiresAt ?? Infinity),
      });
    }
  }

  /** When the first revocation list expires, in milliseconds since the epoch; undefined if none does. */
  get listsExpireAt(): number | undefined {
    const first = Math.min(...[...this.#lists.values()].map(({ expiresAt }) => expiresAt));
    return Number.isFinite(first) ? first : undefined;
  }

  /** How many certificates the lists revoke. */
  get revoked(): number {
    return this.lists.reduce((sum, { list }) => sum + list.serials.size, 0);
  }

  /** Whether an authority has this name, which a stranger may have, too. */
  names(subject: string): boolean {
    return this.#named(nameKey(subject)).length > 0;
  }

  /**
   * Returns the authorities above a certificate; undefined if no root of `tls-client-ca` is above it. `sent` are the
   * certificates that came with it.
   */
  pathOf(certificate: X509Certificate, sent: readonly X509Certificate[]): Path | undefined {
    return this.#climb(
      certificate,
      sent.map((one) => new Authority(one)),
      new Set(),
    );
  }

  /** Whether the path of a connected peer still leads to a root, after the files have changed. */
  holds(path: Path): boolean {
    let holds = this.#holds.get(path);
    if (holds === undefined) {
      // What is above the one that issued the peer's certificate may have been replaced.
      const [issuer, ...above] = path;
      const same = this.#named(issuer.subject).filter(({ keyId }) => keyId === issuer.keyId);
      holds =
        same.some(({ isRoot }) => isRoot) ||
        [...same, ...(issuer.isRoot ? [] : [issuer])].some(
          ({ certificate }) => this.#climb(certificate, above, new Set()) !== undefined,
        );
      this.#holds.set(path, holds);
    }
    return holds;
  }

  /** Whether it has every root of another trust, if only by the same key. */
  covers(other: ClientTrust): boolean {
    const roots = other === this ? [] : other.authorities.filter(({ isRoot }) => isRoot);
    return roots.every((root) => this.#named(root.subject).some(({ keyId }) => keyId === root.keyId));
  }

  /** Whether a certificate with this serial number was revoked, or an authority above it. */
  isRevoked(serial: string, path: Path): boolean {
    return path.some((authority, i) => {
      const revoked = i === 0 ? serial : path[i - 1].fields.serial;
      return this.#lists.get(authority.keyId)?.serials.some((serials) => serials.has(revoked)) === true;
    });
  }

  /** Whether a revocation list has expired without which nobody can tell whether certificates below it are revoked. */
  lacksList(path: Path, now: number): boolean {
    return path.some(({ keyId }) => (this.#lists.get(keyId)?.expiresAt ?? Infinity) <= now);
  }

  /** Says what will keep peers out, one sentence each that names the setting. */
  warnings(now: number): string[] {
    const expired = this.authorities.filter(({ expiresAt }) => expiresAt < now).length;
    const stray = this.authorities.filter(
      (authority) => !authority.isRoot && this.#climb(authority.certificate, [], new Set()) === undefined,
    ).length;
    const ending = this.lists.flatMap(({ list: { issuedAt, expiresAt = Infinity } }) =>
      expiresAt - now < Math.min(SOON_DAYS * DAY_MS, (expiresAt - issuedAt) * SOON_PART) ? [expiresAt] : [],
    );
    return [
      ...ending.map(
        (expiresAt) =>
          `tls-client-crl: a list expires at ${new Date(expiresAt).toISOString()}: ` +
          'renew it, or certificates of its authority are refused',
      ),
      ...(expired === 0
        ? []
        : [`tls-client-ca: ${expired} of its authorities expired, so their certificates are refused`]),
      ...(stray === 0
        ? []
        : [
            `tls-client-ca: ${stray} of its authorities are not roots, and their roots are missing: ` +
              'add them, or their certificates are refused',
          ]),
    ];
  }

  #named(subject: string): readonly Authority[] {
    return this.#bySubject.get(subject) ?? [];
  }

  /** Each authority is tried once, so that no heap of certificates makes this long. */
  #climb(certificate: X509Certificate, sent: readonly Authority[], tried: Set<string>): Path | undefined {
    const issuer = nameKey(certificate.issuer);
    const listed = this.#named(issuer);
    // A root counts only if it is listed. The one that is valid for longest comes first: its elder may have expired.
    const candidates = [...listed, ...sent.filter(({ subject, isRoot }) => subject === issuer && !isRoot)];
    for (const authority of candidates.toSorted((one, other) => other.expiresAt - one.expiresAt)) {
      if (tried.has(authority.fingerprint)) continue;
      tried.add(authority.fingerprint);
      if (!authority.issued(certificate)) continue;
      if (authority.isRoot) return [authority];
      const above = this.#climb(authority.certificate, sent, tried);
      if (above !== undefined) return [authority, ...above];
    }
    return undefined;
  }
}
