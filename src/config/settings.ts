import { z } from 'zod';
import {
  bearerToken,
  claimName,
  count,
  duration,
  filePath,
  filePaths,
  headerName,
  hostNames,
  jwtAlgorithms,
  jwtAudiences,
  jwtIssuers,
  keySetUrls,
  listenAddress,
  MOST_OF_PUBLIC_ADDRESS,
  natsServers,
  networks,
  oneOf,
  onOff,
  origins,
  subjectPrefix,
} from './values.js';

declare module 'zod' {
  interface GlobalMeta {
    /** How a value is written, for `--help`. */
    value?: string;
    /** One sentence on what the setting does. */
    about?: string;
    /** The value never appears in a message. */
    secret?: boolean;
    /** It takes several values: its flag may be repeated. */
    list?: boolean;
    /** The flag of one value, where that has a name of its own. */
    flag?: string;
  }
}

/**
 * The one table of settings. The key is the name in a configuration file; the flag, the environment variable, `--help`,
 * docs/configuration.md and .env.example all follow from it. Those of the reference keep its names and defaults.
 */
export const settingsSchema = z.strictObject({
  listenAddr: listenAddress.prefault('0.0.0.0:443').meta({
    value: 'HOST:PORT',
    about: 'Address to listen on: IPv4, [IPv6] or a host name. Port 0 takes a free port, which the log names.',
  }),
  tlsCert: filePath.optional().meta({
    value: 'PATH',
    about:
      'TLS certificate chain (PEM). With tls-key it turns TLS on (wss://, TLS 1.2 or newer); without both, plaintext (ws://). Read again when it changes.',
  }),
  tlsKey: filePath.optional().meta({
    value: 'PATH',
    about: 'TLS private key (PEM) that belongs to tls-cert. Read again when it changes.',
  }),
  tlsClientCa: filePath.optional().meta({
    value: 'PATH',
    about:
      'Certificate authorities (PEM) that peers must have a certificate of, besides any token. Its common name is who the peer is. Read again when it changes.',
  }),
  authToken: bearerToken.optional().meta({
    value: 'TOKEN',
    about: 'Bearer token that a peer must show to connect. Without a token, here or in a file, anyone may connect.',
    secret: true,
  }),
  authTokenFile: filePath.optional().meta({
    value: 'PATH',
    about:
      'File with one bearer token a line, or NAME:sha256:DIGEST as "cairn-signal token new NAME" makes it, valid beside auth-token; blank lines and # comments are skipped. Read again when it changes.',
  }),
  revokeCloses: onOff.prefault('off').meta({
    value: 'ON|OFF',
    about:
      'Whether a token that is taken out of auth-token-file closes the connections that came with it, with 4001. In any case it opens no new ones.',
  }),
  jwtIssuer: jwtIssuers.optional().meta({
    value: 'NAMES',
    about:
      'Issuers whose JWTs open the server, as they are in the claim iss; needs jwt-audience. Their keys are found by OpenID Connect Discovery unless jwt-jwks-url or jwt-public-key says where they are.',
    list: true,
  }),
  jwtAudience: jwtAudiences.optional().meta({
    value: 'NAMES',
    about:
      'What the claim aud of a JWT must hold one of: the name of this service, so that tokens for others do not open it.',
    list: true,
  }),
  jwtJwksUrl: keySetUrls.optional().meta({
    value: 'URLS',
    about:
      'Where the keys of the issuers are (a JSON Web Key Set): one address for each jwt-issuer, in the same order.',
    list: true,
  }),
  jwtPublicKey: filePath.optional().meta({
    value: 'PATH',
    about:
      'File with the public keys (PEM, "BEGIN PUBLIC KEY") of the one jwt-issuer, several while it changes over. Read again when it changes.',
  }),
  jwtAlgorithms: jwtAlgorithms.prefault('RS256,PS256,ES256,EdDSA,Ed25519').meta({
    value: 'NAMES',
    about: 'Algorithms that a JWT may be signed with; only such as have public keys.',
    list: true,
  }),
  jwtPrincipalClaim: claimName.prefault('sub').meta({
    value: 'NAME',
    about: 'The claim of a JWT that says who its bearer is; with the issuer before it, it is the principal.',
  }),
  jwtClockTolerance: duration('0s', '5m').prefault('5s').meta({
    value: 'TIME',
    about: 'How far the clocks of an issuer and of this server may differ, for the claims exp and nbf.',
  }),
  jwtExpiryCloses: onOff.prefault('on').meta({
    value: 'ON|OFF',
    about:
      'Whether a connection is closed with 4001 when the JWT that it came with expires. In any case that opens no new ones.',
  }),
  maxWrongTokens: count(0, 1_000_000).prefault(10).meta({
    value: 'COUNT',
    about:
      'Wrong tokens that one address (IPv6: one /64) may show in 60 s; 0 for no limit. Then it is answered 429 unless it shows a right one; a private address only where trusted-proxies are set, since it may be a proxy.',
  }),
  guards: filePaths.optional().meta({
    value: 'PATHS',
    flag: 'guard',
    about:
      'ES modules whose classes with a method canActivate, Nest guards, decide who may connect, in this order and after the built-in ones.',
    list: true,
  }),
  topicPolicy: filePath.optional().meta({
    value: 'PATH',
    about:
      'ES module whose class with a method allows decides who may do what with which topic. By default everyone may do everything.',
  }),
  allowedOrigins: origins.optional().meta({
    value: 'ORIGINS',
    about:
      'Web pages that may connect, such as https://app.example.com; others are answered 403. By default all may, and peers that are no web page always do.',
    list: true,
  }),
  trustedProxies: networks.optional().meta({
    value: 'NETWORKS',
    about:
      'Networks of proxies that are believed about where a peer is, such as 10.0.0.0/8. By default none is, and what such a header says is ignored.',
    list: true,
  }),
  forwardedHeader: headerName.prefault('x-forwarded-for').meta({
    value: 'NAME',
    about:
      'The one header in which trusted-proxies say where a peer is: a list of addresses by commas, or "forwarded" (RFC 7239).',
  }),
  maxConnections: count(0, 10_000_000).prefault(50_000).meta({
    value: 'COUNT',
    about: 'Peers that may be connected; 0 for as many as the process may open files. One more is answered 503.',
  }),
  maxConnectionsPerIp: count(0, 10_000_000)
    .optional()
    .meta({
      value: 'COUNT',
      about: `Peers that may be connected from one address (IPv6: one /64), its plain connections included; 0 for no limit. One more is answered 429. By default ${MOST_OF_PUBLIC_ADDRESS}, but none for a private address where no trusted-proxies are set, since it may be a proxy.`,
    }),
  maxPlainConnections: count(0, 10_000_000).prefault(4096).meta({
    value: 'COUNT',
    about:
      "Connections that are no peer's, or not yet: in their handshake, or of plain HTTP; 0 for as many as the process may open files. One more closes another one.",
  }),
  logFormat: oneOf(['json', 'pretty']).optional().meta({
    value: 'FORMAT',
    about: 'json or pretty. By default pretty on a terminal and json elsewhere. The level is set with RUST_LOG.',
  }),
  maxMessageBytes: count(1024, 64 * 1024 * 1024)
    .prefault(65_536)
    .meta({
      value: 'BYTES',
      about: 'Largest message a peer may send. A larger one closes its connection with 1009.',
    }),
  maxTopicBytes: count(1, 4096).prefault(256).meta({
    value: 'BYTES',
    about:
      "Longest topic, in bytes of UTF-8; cairn's have 64. A longer one closes a CBOR connection with 1008, and is an error over JSON.",
  }),
  maxTopicsPerConnection: count(0, 1_000_000).prefault(1024).meta({
    value: 'COUNT',
    about: 'Topics that one connection may subscribe to; 0 for no limit. One more closes it with 1008.',
  }),
  maxSubscribersPerTopic: count(0, 10_000_000).prefault(1024).meta({
    value: 'COUNT',
    about:
      'Connections that may subscribe to one topic, and so the most that one message is multiplied by; 0 for no limit. One more is closed with 1008.',
  }),
  maxSubscriptions: count(0, 1_000_000_000).prefault(2_000_000).meta({
    value: 'COUNT',
    about: 'Subscriptions of all connections together; 0 for no limit. One more closes its connection with 1008.',
  }),
  maxMessagesPerSecond: count(0, 1_000_000).prefault(200).meta({
    value: 'COUNT',
    about:
      'Messages that one connection may send in a second, pings included; 0 for no limit. One that sends faster is read slower; nothing is lost.',
  }),
  messageBurst: count(1, 1_000_000).prefault(400).meta({
    value: 'COUNT',
    about: 'Messages that one connection may send at once before max-messages-per-second holds it back.',
  }),
  maxBufferedBytes: count(0, 1024 * 1024 * 1024)
    .prefault(1_048_576)
    .meta({
      value: 'BYTES',
      about:
        'Memory for what waits for one peer which reads too slowly; 0 for no limit. More closes its connection with 4008.',
    }),
  maxBufferedTotalBytes: count(0, 1024 * 1024 * 1024 * 1024)
    .prefault(268_435_456)
    .meta({
      value: 'BYTES',
      about:
        'Memory for what waits for all slow peers together; 0 for no limit. More closes those for which most waits, with 4008.',
    }),
  maxUnfinishedTotalBytes: count(0, 1024 * 1024 * 1024 * 1024)
    .prefault(134_217_728)
    .meta({
      value: 'BYTES',
      about:
        'Memory for what all peers together have sent and is not handled: messages that are not finished, and those held back by max-messages-per-second; 0 for no limit. More closes those that hold most, with 4010.',
    }),
  pingInterval: duration('100ms', '1h').prefault('25s').meta({
    value: 'TIME',
    about: 'How long a peer may be silent before it is pinged; any traffic counts as life.',
  }),
  pongTimeout: duration('100ms', '1h').prefault('20s').meta({
    value: 'TIME',
    about: 'How long a pinged peer may stay silent before its connection is closed with 4009.',
  }),
  records: onOff.prefault('on').meta({
    value: 'ON|OFF',
    about:
      'Whether peers that speak JSON may leave records on topics and query them. Off, they are answered with an error.',
  }),
  recordTtl: duration('1s', '24h').prefault('1h').meta({
    value: 'TIME',
    about:
      'How long a record can be found: an announced one from its announcement, a published one from the end of its connection.',
  }),
  recordMaxBytes: count(64, 1024 * 1024)
    .prefault(16_384)
    .meta({
      value: 'BYTES',
      about: 'Largest record: bytes published, or bytes of peer_id and addresses announced.',
    }),
  recordsPerTopic: count(1, 1024).prefault(16).meta({
    value: 'COUNT',
    about: 'Records that one topic holds.',
  }),
  recordsPerSource: count(1, 1_000_000).prefault(1024).meta({
    value: 'COUNT',
    about: 'Records that one source holds: an authenticated principal, else an IPv4 address or an IPv6 /64.',
  }),
  recordsMaxBytes: count(65_536, 64 * 1024 * 1024 * 1024)
    .prefault(67_108_864)
    .meta({
      value: 'BYTES',
      about:
        'Memory for all records, topics and bookkeeping included; one source may take a quarter of it. A full store refuses.',
    }),
  checkPage: onOff.prefault('on').meta({
    value: 'ON|OFF',
    about:
      'Whether /check is a page on which a browser tries this server, from the token to a WebRTC data channel. Off, it is 404.',
  }),
  natsUrl: natsServers.optional().meta({
    value: 'URLS',
    about:
      'NATS servers through which several nodes share topics, such as nats://nats.example.com:4222; tls:// asks for TLS. Without one, this node is alone.',
    list: true,
  }),
  natsCreds: filePath.optional().meta({
    value: 'PATH',
    about: 'NATS credentials (a user JWT and its seed) that this node connects with.',
  }),
  natsToken: bearerToken.optional().meta({
    value: 'TOKEN',
    about: 'Token that this node shows to NATS.',
    secret: true,
  }),
  natsTlsCa: filePath.optional().meta({
    value: 'PATH',
    about: 'Certificate authority (PEM) that NATS servers must have a certificate of. It turns TLS to NATS on.',
  }),
  natsTlsCert: filePath.optional().meta({
    value: 'PATH',
    about: 'Certificate (PEM) that this node shows to NATS, with nats-tls-key.',
  }),
  natsTlsKey: filePath.optional().meta({
    value: 'PATH',
    about: 'Private key (PEM) that belongs to nats-tls-cert.',
  }),
  natsSubjectPrefix: subjectPrefix.prefault('cairn').meta({
    value: 'SUBJECT',
    about: 'What the subjects of this service begin with. Nodes share topics when it is the same.',
  }),
  backplaneRequired: onOff.prefault('off').meta({
    value: 'ON|OFF',
    about: 'Whether /health/ready is 503 while NATS is not reached. Off, the node is ready and serves its own peers.',
  }),
  managementAddr: listenAddress.optional().meta({
    value: 'HOST:PORT',
    about:
      'Address of health, metrics and the status page, in plaintext and without a token: only operators should reach it. By default there is none.',
  }),
  managementHosts: hostNames.optional().meta({
    value: 'NAMES',
    about:
      'Host names that management-addr is asked for by, besides localhost, IP addresses and its own name; others are answered 421. By default so on loopback alone, and elsewhere by any name.',
    list: true,
  }),
  metricsToken: bearerToken.optional().meta({
    value: 'TOKEN',
    about: 'Bearer token for /metrics on listen-addr. Without it there are no metrics there.',
    secret: true,
  }),
  handshakeTimeout: duration('100ms', '10m').prefault('10s').meta({
    value: 'TIME',
    about: 'How long a connection may take for its TLS handshake, and then for its HTTP request.',
  }),
  drainDelay: duration('0s', '1h').prefault('0s').meta({
    value: 'TIME',
    about:
      'How long a stop goes on serving newcomers while /health/ready is 503 already, until load balancers look away. Skipped when nobody is connected.',
  }),
  drainTimeout: duration('0s', '1h').prefault('10s').meta({
    value: 'TIME',
    about:
      'How long a stop, after drain-delay, may wait for peers to leave before their connections are cut. They are told to in the first two thirds, evenly.',
  }),
});

export type SettingName = keyof typeof settingsSchema.shape;

/** Every setting, validated. Its own injection token; built by loadSettings or, in tests and embedding, by parseSettings. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- a class to inject, shaped by the schema
export abstract class Settings {}
export interface Settings extends Readonly<z.output<typeof settingsSchema>> {}

/** Settings as a program writes them: strings or numbers as in a configuration file, everything optional. */
export type SettingsInput = z.input<typeof settingsSchema>;

/** Names of settings in the order of the table. */
export const settingNames = Object.keys(settingsSchema.shape) as SettingName[];
