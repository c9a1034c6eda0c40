import { z } from 'zod';
import { iceSettings } from './ice-settings.js';
import { jwtSettings } from './jwt-settings.js';
import { managementSettings } from './management-settings.js';
import { natsSettings } from './nats-settings.js';
import { presenceSettings } from './presence-settings.js';
import { principalSettings } from './principal-settings.js';
import {
  bearerToken,
  bytes,
  certificateNames,
  count,
  duration,
  filePath,
  filePaths,
  headerName,
  lineTarget,
  listenAddress,
  MOST_HEADER_BYTES,
  MOST_OF_PUBLIC_ADDRESS,
  networks,
  oneOf,
  onOff,
  origins,
} from './values.js';

/**
 * The one table of settings. The key is the name in a configuration file. The flag, the environment variable, `--help`,
 * docs/configuration.md and .env.example all follow from it. Settings that the reference server has too keep its names
 * and defaults.
 */
export const settingsSchema = z.strictObject({
  listenAddr: listenAddress.prefault('0.0.0.0:443').meta({
    about:
      'Address to listen on: IPv4, [IPv6] or a host name, or a Unix socket as unix:/PATH or unix:/PATH,mode=660. ' +
      'A name is listened on at each of its addresses. Port 0 takes a free port, which the log names.',
  }),
  tlsCert: filePath.optional().meta({
    about:
      'TLS certificate chain (PEM). With tls-key it turns TLS on (wss://, TLS 1.2 or newer). ' +
      'Without both, the server speaks plaintext (ws://). Read again when it changes.',
  }),
  tlsKey: filePath
    .optional()
    .meta({ about: 'TLS private key (PEM) that belongs to tls-cert. Read again when it changes.' }),
  tlsClientCa: filePath.optional().meta({
    about:
      'Certificate authorities (PEM). Every peer must show a certificate that one of them issued, besides any ' +
      'token. tls-client-principal says which of its names is the principal. Read again when it changes.',
  }),
  tlsClientCrl: filePath.optional().meta({
    about:
      'Certificate revocation lists (PEM) of authorities in tls-client-ca. A certificate on its list opens nothing. ' +
      'When a list has expired, certificates of its authority are answered 503. Read again when it changes.',
  }),
  tlsClientPrincipal: certificateNames.prefault('cn,uri,fingerprint').meta({
    about:
      'Which name in the certificate of a peer is its principal: the first of these that it has. uri is a SPIFFE ID ' +
      'or another URI, email and dns are the first of their kind, and cn is the common name.',
  }),
  tlsClientExpiryCloses: onOff.prefault('on').meta({
    about:
      'Whether a connection is closed, with 4001, when its certificate expires, is revoked, or loses its authority ' +
      'in tls-client-ca. Such a certificate never opens any.',
  }),
  authToken: bearerToken.optional().meta({
    about: 'Bearer token that a peer must show to connect. Without a token, here or in a file, anyone may connect.',
  }),
  authTokenFile: filePath.optional().meta({
    about:
      'File of bearer tokens, valid beside auth-token. Each line is one token, or NAME:sha256:DIGEST as ' +
      '"cairn-signal token new NAME" makes it. Blank lines and # comments are skipped. ' +
      'Read again when it changes.',
  }),
  revokeCloses: onOff.prefault('off').meta({
    about:
      'Whether removing a token from auth-token-file closes the connections that used it, with 4001. ' +
      'A removed token never opens new ones.',
  }),
  ...jwtSettings,
  maxWrongTokens: count(0, 1_000_000)
    .prefault(10)
    .meta({
      about:
        'Wrong tokens that one address (IPv6: one /64) may show in 60 s; 0 for no limit. ' +
        'After that it is answered 429, unless it shows a right one. ' +
        'A private address is limited only where trusted-proxies is set, since it may be a proxy.',
    }),
  guards: filePaths.optional().meta({
    flag: 'guard',
    about:
      'ES modules that export Nest guards, which are classes with a method canActivate. ' +
      'They decide who may connect, in this order, after the built-in guards.',
  }),
  topicPolicy: filePath.optional().meta({
    about:
      'ES module that exports a class with a method allows. It decides who may do what on which topic. ' +
      'By default everyone may do everything.',
  }),
  allowedOrigins: origins.optional().meta({
    about:
      'Origins of web pages that may connect, such as https://app.example.com, or https://*.example.com for any one ' +
      'label. Other origins are answered 403. ' +
      'By default all web pages may connect. Peers that are not web pages always may.',
  }),
  trustedProxies: networks.optional().meta({
    about:
      'Networks of proxies that are trusted to say where a peer is, such as 10.0.0.0/8, or unix: on a Unix socket. ' +
      'By default no proxy is trusted, and its header is ignored.',
  }),
  forwardedHeader: headerName.prefault('x-forwarded-for').meta({
    about:
      'The one header in which trusted-proxies say where a peer is: ' +
      'a comma-separated list of addresses, or "forwarded" (RFC 7239).',
  }),
  proxyProtocol: onOff.prefault('off').meta({
    about:
      'Whether trusted-proxies begin each connection to listen-addr with a PROXY header (version 1 or 2), which says ' +
      'where the peer is. Their connections without one are refused. Other addresses must not send one.',
  }),
  maxConnections: count(0, 10_000_000).prefault(50_000).meta({
    about: 'Peers that may be connected; 0 for as many as the process may open files. Further peers are answered 503.',
  }),
  maxConnectionsPerIp: count(0, 10_000_000)
    .optional()
    .meta({
      about:
        'Peers that may be connected from one address (IPv6: one /64), including its plain connections; ' +
        `0 for no limit. Further ones are answered 429. The default is ${MOST_OF_PUBLIC_ADDRESS}. ` +
        'By default a private address has no limit unless trusted-proxies is set, since it may be a proxy.',
    }),
  maxPlainConnections: count(0, 10_000_000)
    .prefault(4096)
    .meta({
      about:
        'Connections that do not, or not yet, belong to a peer: in their handshake, or plain HTTP; ' +
        '0 for as many as the process may open files. One more closes another one.',
    }),
  logFormat: oneOf(['json', 'pretty'])
    .meta({ value: 'FORMAT' })
    .optional()
    .meta({
      about:
        'Format of the log: json or pretty. By default pretty on a terminal and json elsewhere. ' +
        'RUST_LOG sets the level.',
    }),
  audit: lineTarget.prefault('off').meta({
    about:
      'Whether to write an audit: a line of JSON for each peer that connected, was refused or disconnected. ' +
      'On writes it to standard output, whatever RUST_LOG and log-format are; fd:3 to file descriptor 3, which must ' +
      'be open at the start.',
  }),
  maxMessageBytes: bytes(1024, 64 * 1024 * 1024)
    .prefault(65_536)
    .meta({ about: 'Largest message that a peer may send. A larger one closes its connection with 1009.' }),
  maxTopicBytes: bytes(1, 4096)
    .prefault(256)
    .meta({
      about:
        "Longest topic, in bytes of UTF-8; cairn's have 64. A Subscribe to a longer one closes its connection with 1008. " +
        'A Relay to one is dropped. A JSON peer gets an error.',
    }),
  maxTopicsPerConnection: count(0, 1_000_000)
    .prefault(1024)
    .meta({ about: 'Topics that one connection may subscribe to; 0 for no limit. One more closes it with 1008.' }),
  ...principalSettings,
  maxSubscribersPerTopic: count(0, 10_000_000)
    .prefault(1024)
    .meta({
      about:
        'Connections that may subscribe to one topic, and so the most copies of one message; 0 for no limit. ' +
        'A further subscriber is closed with 1008.',
    }),
  maxSubscriptions: count(0, 1_000_000_000).prefault(2_000_000).meta({
    about: 'Subscriptions of all connections together; 0 for no limit. One more closes its connection with 1008.',
  }),
  maxMessagesPerSecond: count(0, 1_000_000)
    .prefault(200)
    .meta({
      about:
        'Messages that one connection may send per second, pings included; 0 for no limit. ' +
        'A peer that sends faster is read more slowly. Nothing is lost.',
    }),
  messageBurst: count(1, 1_000_000)
    .prefault(400)
    .meta({ about: 'Messages that one connection may send in a burst before max-messages-per-second slows it down.' }),
  maxBufferedBytes: bytes(0, 1024 * 1024 * 1024)
    .prefault(1_048_576)
    .meta({
      about:
        'Memory for data that waits for one peer that reads too slowly; 0 for no limit. ' +
        'More than that closes its connection with 4008.',
    }),
  maxBufferedTotalBytes: bytes(0, 1024 * 1024 * 1024 * 1024)
    .prefault(268_435_456)
    .meta({
      about:
        'Memory for data that waits for all slow peers together; 0 for no limit. ' +
        'Beyond it, the connections with the most data waiting are closed with 4008.',
    }),
  maxUnfinishedTotalBytes: bytes(0, 1024 * 1024 * 1024 * 1024)
    .prefault(134_217_728)
    .meta({
      about:
        'Memory for data that all peers together have sent and the server has not handled: ' +
        'unfinished messages, and messages that max-messages-per-second holds back; 0 for no limit. ' +
        'Beyond it, the connections that hold the most are closed with 4010.',
    }),
  pingInterval: duration('100ms', '1h')
    .prefault('25s')
    .meta({ about: 'How long a peer may be silent before the server pings it. Any traffic counts as a sign of life.' }),
  pongTimeout: duration('100ms', '1h')
    .prefault('20s')
    .meta({
      about:
        'How long a pinged peer may stay silent before its connection is closed with 4009. ' +
        'One that only ever sent JSON, and may be a library that never reads, is kept while its socket is alive.',
    }),
  records: onOff
    .prefault('on')
    .meta({ about: 'Whether JSON peers may leave records on topics and query them. When off, they get an error.' }),
  recordTtl: duration('1s', '24h')
    .prefault('1h')
    .meta({
      about:
        'How long a record can be found. The time begins with the announcement of an announced record, and with ' +
        'the end of the connection for a published one.',
    }),
  recordMaxBytes: bytes(64, 1024 * 1024)
    .prefault(16_384)
    .meta({ about: 'Largest record: the bytes published, or the bytes of peer_id and addresses announced.' }),
  recordsPerTopic: count(1, 1024).prefault(16).meta({ about: 'Records that one topic may hold.' }),
  recordsPerSource: count(1, 1_000_000)
    .prefault(1024)
    .meta({
      about:
        'Records that one source may hold. A source is an authenticated principal or, without one, an IPv4 address ' +
        'or an IPv6 /64.',
    }),
  recordsMaxBytes: bytes(65_536, 64 * 1024 * 1024 * 1024)
    .prefault(67_108_864)
    .meta({
      about:
        'Memory for all records, including topics and bookkeeping. One source may take a quarter of it, ' +
        'or two records of record-max-bytes where that is more. ' +
        'A full store refuses new records.',
    }),
  ...presenceSettings,
  ...iceSettings,
  checkPage: onOff.prefault('on').meta({
    about:
      'Whether /check is a page on which a browser tests this server, from the token to a WebRTC data channel. ' +
      'When off, it is 404.',
  }),
  ...natsSettings,
  backplaneRequired: onOff.prefault('off').meta({
    about:
      'Whether /health/ready answers 503 while NATS cannot be reached. ' +
      'When off, the node is ready and serves its own peers.',
  }),
  ...managementSettings,
  metricsToken: bearerToken
    .optional()
    .meta({ about: 'Bearer token for /metrics on listen-addr. Without it, there are no metrics there.' }),
  metricsTokenFile: filePath.optional().meta({
    about: 'File of the bearer token for /metrics, in place of metrics-token. Read again when it changes.',
  }),
  handshakeTimeout: duration('100ms', '10m')
    .prefault('10s')
    .meta({ about: 'How long a connection may take for its TLS handshake, and then for its HTTP request.' }),
  maxHeaderBytes: bytes(8192, MOST_HEADER_BYTES)
    .prefault(16_384)
    .meta({
      about:
        'Headers that a request may have, with its first line. More is answered 431. ' +
        'Each unfinished request may take as much memory, and proxies in front have limits of their own.',
    }),
  keepAliveTimeout: duration('100ms', '1h')
    .prefault('75s')
    .meta({
      about:
        'How long a connection without a peer is kept open after an answer, for a next request. ' +
        'It must be longer than proxies keep theirs, or requests that they send on a connection just then are lost.',
    }),
  drainDelay: duration('0s', '1h')
    .prefault('0s')
    .meta({
      about:
        'How long a stopping server still accepts new peers while /health/ready is already 503, until load ' +
        'balancers look away. This applies with nobody connected too. Ctrl-C in a terminal skips it.',
    }),
  drainTimeout: duration('0s', '1h')
    .prefault('10s')
    .meta({
      about:
        'How long a stopping server, after drain-delay, waits for peers to leave before it cuts their connections. ' +
        'It tells them to leave evenly over the first two thirds.',
    }),
});

export type SettingName = keyof typeof settingsSchema.shape;

/**
 * Every setting, validated. Its own injection token. Built by loadSettings, or parseSettings in tests and embedding.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- a class to inject, shaped by the schema
export abstract class Settings {}
export interface Settings extends Readonly<z.output<typeof settingsSchema>> {}

/** Settings as a program writes them: strings or numbers as in a configuration file, everything optional. */
export type SettingsInput = z.input<typeof settingsSchema>;

/** Names of settings, in the order of the table. */
export const settingNames = Object.keys(settingsSchema.shape) as SettingName[];
