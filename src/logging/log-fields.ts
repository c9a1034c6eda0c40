/** Type and meaning of a field of log lines. A name means the same in every line. */
export interface LogFieldRow {
  readonly type: 'text' | 'number' | 'boolean';
  readonly meaning: string;
}

const text = (meaning: string) => ({ type: 'text', meaning }) as const;
const number = (meaning: string) => ({ type: 'number', meaning }) as const;

/** All fields that lines may have besides `level`, `time`, `target`, `event` and `msg`. */
export const LOG_FIELDS = {
  added: number('tokens that are new'),
  address: text('an IP address, with its port where it has one, or the path of a Unix socket'),
  allowed: number('connections that the process has file handles for'),
  auth: text('`on` where a peer must show something to connect, otherwise `off`'),
  authorities: number('certificates of authorities that are trusted'),
  claimed: { type: 'boolean', meaning: '`true`: nothing proves that `issuer` issued the token' },
  closed: number('connections that are closed, on all nodes'),
  code: number('exit code of the process'),
  connection: number('number of a connection; unique while the process runs'),
  connections: number('connections'),
  context: text('part of Nest, or of the application, that wrote the line'),
  ended: number('subscriptions and records that ended'),
  error: text(
    'class of an error, and where it was thrown; its text only where that cannot hold a secret, and at debug',
  ),
  fault: text('how the error came: `uncaughtException` or `unhandledRejection`'),
  guard: text('class of a guard'),
  issuer: text('issuer of a JWT or of a certificate: a configured one'),
  jwt: text('`on` where JWTs are accepted, otherwise `off`'),
  keys: number('public keys in use'),
  lists: number('certificate revocation lists in use'),
  lost: number('lines that were lost'),
  maxConnections: number('`max-connections`'),
  needed: number('bytes that are needed'),
  nodes: number('nodes that answered, this one included'),
  bus: text('`up`, `degraded`, `down`, or `off` without `nats-url`'),
  observer: text('class of a presence observer'),
  origin: text('how the error came: `uncaughtException` or `unhandledRejection`'),
  policy: text('class of the topic policy'),
  presence: number('peers that may not see who is on a topic any more'),
  principal: text('who a peer proved to be: the name of a token, or what a JWT or certificate says'),
  proof: text('how: `token`, `jwt`, `certificate`, `guard`'),
  provider: text('class of the ICE provider'),
  reason: text('why, as a word that does not change: those of [refusals](metrics.md) where a peer was refused'),
  records: number('records that ended'),
  remote: text('address of the peer or, behind a trusted proxy, what that said; a network where many share a limit'),
  revoked: number('tokens or certificates that are not accepted any more'),
  server: text('address of the NATS server'),
  signal: text('name of a signal'),
  spreadMs: number('milliseconds over which peers are told to come back'),
  stack: text('where an error was thrown'),
  status: number('HTTP status of the answer'),
  subscriptions: number('subscriptions that ended'),
  takes: number('bytes of headers that the HTTP server of the application takes'),
  tls: text('`on` where the server itself speaks TLS, otherwise `off`'),
  topicDigest: text('digest of a topic that means nothing outside this process'),
  unmentionedBefore: number('lines like this that were left out since the last one: strangers can cause it'),
  validTo: text('when the certificate expires, as in RFC 3339'),
  warningCode: text('code of a warning of Node, such as `DEP0005`'),
  why: text('what is wrong, in words'),
} as const satisfies Readonly<Record<string, LogFieldRow>>;
