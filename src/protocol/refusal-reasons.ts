/**
 * Reasons to refuse an upgrade, or a connection before it: a word for the metrics, and a sentence for docs/metrics.md.
 */
export const REFUSAL_REASONS = {
  malformed: 'The request is not a well-formed WebSocket handshake or HTTP request (400, 405, 413, 417).',
  headers: 'The request has more than `max-header-bytes` of headers, or more than 128 of them (431).',
  not_http: 'What came is not an HTTP request (400).',
  tls_on_plaintext: 'A TLS handshake came to an address that speaks plaintext (400).',
  plaintext_on_tls: 'Plaintext HTTP came to an address that speaks TLS (400).',
  tls_handshake: 'The TLS handshake failed; the log has the code of OpenSSL.',
  request_timeout: 'No whole request, or no TLS handshake, came within `handshake-timeout` (408).',
  requests: 'A connection asked for more than 16 things by plain HTTP (503).',
  wrong_host: 'The management address was asked for by a name that is not one of `management-hosts` (421).',
  path: 'No server takes WebSockets on this path (404), in an application that gives this server a path.',
  proxy_header:
    'A connection that began with a PROXY header which `proxy-protocol` or `trusted-proxies` does not allow, or a ' +
    'connection from a trusted proxy without a valid one (400, or closed where TLS is on).',
  origin: 'A web page from an origin that `allowed-origins` does not list (403).',
  certificate_missing: '`tls-client-ca` is set, and the peer showed no certificate (403).',
  certificate_expired: "The peer's certificate, or an authority of it, has expired (403).",
  certificate_not_yet_valid: "The peer's certificate, or an authority of it, is not valid yet (403).",
  certificate_authority: "No authority in `tls-client-ca` issued the peer's certificate (403).",
  certificate_incomplete:
    "No authority in `tls-client-ca` issued the peer's certificate directly, and it came without an intermediate " +
    'certificate (403).',
  certificate_purpose: "The peer's certificate is not for clients, by its (extended) key usage (403).",
  certificate_revoked: "The peer's certificate, or an authority of it, is on a list in `tls-client-crl` (403).",
  certificate_name:
    "The peer's certificate has no name that `tls-client-principal` takes, or is not a valid X.509-SVID (403).",
  certificate_wrong: "The peer's certificate does not verify for another cause; the log has the code of OpenSSL (403).",
  revocation_unknown:
    "A list in `tls-client-crl` has expired, so nobody can tell whether the peer's certificate was revoked (503).",
  token_missing: 'The server needs a token, and the peer showed none (401).',
  token_wrong: 'The token is not configured, and it is not a JWT that the server can judge (401).',
  token_malformed:
    'A JWT that cannot be read, or with a claim that is missing or not what it must be; the answer says which (401).',
  token_too_long: 'A JWT longer than `max-jwt-bytes` (401).',
  token_algorithm: 'A JWT signed with an algorithm that `jwt-algorithms` does not list, or with none (401).',
  token_issuer: 'A JWT from an issuer that `jwt-issuer` does not list (401).',
  token_key: 'A JWT signed with a key that its issuer does not have (401).',
  token_key_unknown:
    'A JWT signed with a key that its issuer did not have a moment ago, and that it cannot be asked for yet (503).',
  token_signature: 'A JWT whose signature is wrong (401).',
  token_type: 'A JWT that is no access token, such as an ID token or a logout token (401).',
  token_audience: 'A JWT for an audience that `jwt-audience` does not list (401).',
  token_claim: 'A JWT without a claim, or without the value in it, that `jwt-require-claim` names (401).',
  token_expired: 'A JWT that has expired (401).',
  token_not_yet_valid: 'A JWT that is not valid yet (401).',
  keys_unavailable: "The keys of a JWT's issuer could not be fetched (503).",
  token_throttled: 'The address reached `max-wrong-tokens` (429).',
  operator_token: 'An order to the management address without `management-token`, or with a wrong one (401, 429).',
  token_revoked: 'The token was revoked while the guards decided (401).',
  guard: 'A custom guard said no, with 403 or the status of its choice.',
  guard_failed: 'A custom guard threw (503); the log names it.',
  guard_timeout: 'A custom guard did not answer in time (503).',
  guard_nonsense:
    'A custom guard answered neither true nor false, or set a principal that is not a string or limits that are none (503).',
  fault: 'A Nest guard threw something that is not an HTTP exception; the log has it (500).',
  connections_per_ip: 'The address reached `max-connections-per-ip` (429).',
  connections_per_principal: 'The principal reached `max-connections-per-principal`, or its own number (429).',
  connections: 'The server reached `max-connections` (503).',
  handles: 'The process had no file handles left, and dropped the connection without an answer.',
  draining: 'The server is about to stop (503).',
} as const;

export type RefusalReason = keyof typeof REFUSAL_REASONS;
