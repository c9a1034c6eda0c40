/** Why an upgrade is refused, each in a word for the metrics and a sentence for their document. */
export const REFUSAL_REASONS = {
  malformed: 'It is no well-formed WebSocket handshake (400, 405), or has more than 128 headers (431).',
  origin: 'A web page of an origin that `allowed-origins` does not list (403).',
  certificate_missing: '`tls-client-ca` is set, and the peer showed no certificate (403).',
  certificate_wrong: "The peer's certificate is none that `tls-client-ca` vouches for, or has expired (403).",
  token_missing: 'A token is needed and none was shown (401).',
  token_wrong: 'The token shown is none of those configured, and no JWT that could be judged (401).',
  token_malformed:
    'A JWT that cannot be read, that lacks `exp` or who its bearer is, or that needs an extension of JWS (401).',
  token_too_long: 'A JWT of more than 8,192 characters (401).',
  token_algorithm: 'A JWT signed with an algorithm that `jwt-algorithms` does not list, or with none (401).',
  token_issuer: 'A JWT of an issuer that `jwt-issuer` does not list (401).',
  token_key: 'A JWT signed with a key that its issuer does not have (401).',
  token_signature: 'A JWT whose signature is wrong (401).',
  token_audience: 'A JWT for none of `jwt-audience` (401).',
  token_expired: 'A JWT that has expired (401).',
  token_not_yet_valid: 'A JWT that is not valid yet (401).',
  keys_unavailable: "The keys of a JWT's issuer could not be fetched (503).",
  token_throttled: '`max-wrong-tokens` from one address (429).',
  token_revoked: 'The token was revoked while guards decided (401).',
  guard: 'A guard that is not built in said no, with a status of its choice (403).',
  guard_failed: 'A guard of the operator threw (503); the log has which.',
  guard_timeout: 'A guard of the operator did not answer in time (503).',
  guard_nonsense:
    'A guard of the operator answered neither true nor false, or made the principal what is no text (503).',
  fault: "A guard of Nest's own kind threw something that is no HTTP answer; the log has it (500).",
  connections_per_ip: '`max-connections-per-ip` (429).',
  connections: '`max-connections` (503).',
  handles: 'The process has no file handles left; the connection was dropped without an answer.',
  draining: 'The server is about to stop (503).',
} as const;

export type RefusalReason = keyof typeof REFUSAL_REASONS;
