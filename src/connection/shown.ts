/** What a peer showed of itself at the upgrade, for the log and the audit. Never the token. */
export interface Shown {
  /** Who the peer proved to be. */
  readonly principal?: string | undefined;
  /** By what: as in Proof, or `guard` where a custom guard said so. */
  readonly proof?: 'token' | 'jwt' | 'certificate' | 'guard' | 'none' | undefined;
  /** A configured issuer that the peer's JWT names; without a JWT, who issued the certificate. */
  readonly issuer?: string | undefined;
  /** Whether the issuer is only claimed: nothing proves that it issued the token. */
  readonly claimed?: true | undefined;
}
