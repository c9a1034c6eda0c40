import type { LogLevel } from './log-filter.js';

/** A kind of line. */
export interface LogEventRow {
  readonly level: Exclude<LogLevel, 'off'>;
  /** What the line says. Words in braces differ from line to line. */
  readonly message: string;
  /** Names of LOG_FIELDS. One with `?` is not in every line. */
  readonly fields: readonly string[];
  /** What to do about it, for lines that ask for something that they do not say. */
  readonly help?: string;
  /** First version with the event; FIRST_VERSION where it is not told. */
  readonly since?: string;
}

/** The version in which lines began to have events. */
export const FIRST_VERSION = '0.4.0';

/**
 * Every line of the log: by target and by the name of its event, which is in the line as `event`. The compiler takes the
 * types of Log from this table, and docs/logging.md is generated from it. Events and fields are an interface: they stay.
 * Messages may change. No event is in two targets.
 * Field names never are topics, payloads, tokens, or anything else that may hold a secret.
 */
export const LOG_EVENTS = {
  server: {
    start_warning: { level: 'warn', message: '{warning}', fields: [], help: 'The settings are used as they are.' },
    listening: { level: 'info', message: 'listening on {where}', fields: ['address', 'tls', 'auth', 'jwt'] },
    listening_too: { level: 'info', message: '{setting} has several addresses: listening on {where}, too', fields: [] },
    health_at: { level: 'info', message: 'health at {where}', fields: [] },
    management_at: { level: 'info', message: 'status page, metrics and health for operators at {where}', fields: [] },
    next_step: { level: 'info', message: 'next: {what}', fields: [], help: 'Only for people, on a terminal.' },
    open_to_anyone: {
      level: 'warn',
      message:
        'anyone who reaches this address may connect, directly or through a proxy: ' +
        'set auth-token, auth-token-file or jwt-issuer to require a token',
      fields: [],
    },
    upgrades_ignored: {
      level: 'warn',
      message:
        'something else in this application listens for upgrades and gets none, since CairnSignalModule has no path: ' +
        'set its option path',
      fields: [],
    },
    node_warning: {
      level: 'warn',
      message: 'Node, a library or code of the operator warns of something',
      fields: ['error', 'warningCode?', 'unmentionedBefore?'],
      help: 'For those who maintain the code that `error` names. At debug, `node_warning_text` says what it is.',
    },
    node_warning_text: { level: 'debug', message: 'what is warned of', fields: ['error'] },
    signal_ignored: { level: 'info', message: 'this signal does nothing', fields: ['signal'] },
    stopping: { level: 'info', message: 'stopping', fields: ['signal?', 'fault?'] },
    stopped: { level: 'info', message: 'stopped', fields: ['code'] },
    bug: {
      level: 'error',
      message: 'the server stops because of a bug in it',
      fields: ['origin', 'error?'],
      help: 'Report it with this line, which holds no data of peers.',
    },
    operator_code_threw: {
      level: 'error',
      message: 'the server stops because of an error that nothing caught, {blame} {files}',
      fields: ['origin', 'error'],
      help: 'Fix the file. At debug, `operator_code_error` has the text of the error.',
    },
    operator_code_error: { level: 'debug', message: 'what nothing caught', fields: ['error'] },
  },
  log: {
    lines_lost: {
      level: 'warn',
      message: 'standard output works again; lines of the log were lost',
      fields: ['lost'],
      help: 'Its reader is too slow or was gone, or the disk was full.',
    },
  },
  upgrade: {
    peer_connected: { level: 'debug', message: 'connected', fields: ['connection', 'principal?'] },
    upgrade_refused: {
      level: 'info',
      message: 'refused an upgrade',
      fields: [
        'status',
        'reason',
        'remote?',
        'principal?',
        'proof?',
        'issuer?',
        'claimed?',
        'why?',
        'unmentionedBefore?',
      ],
    },
    request_refused: {
      level: 'info',
      message: 'refused a request',
      fields: ['status?', 'reason', 'remote?', 'why', 'unmentionedBefore?'],
    },
    proxy_header_refused: { level: 'warn', message: '{what}', fields: ['reason', 'remote', 'unmentionedBefore?'] },
    connection_dropped: {
      level: 'info',
      message: 'dropped a connection: no file handles are left for it',
      fields: ['reason', 'remote?', 'unmentionedBefore?'],
      help: 'Raise `ulimit -n`, or lower `max-connections`.',
    },
    plain_connection_closed: {
      level: 'info',
      message: 'closed a plain connection for a newer one: {why}',
      fields: ['remote?', 'unmentionedBefore?'],
    },
    upgrade_undecided: {
      level: 'error',
      message: 'failed to decide an upgrade',
      fields: ['error', 'unmentionedBefore?'],
      help: 'A bug: the peer got status 500. At debug, `upgrade_error` has the text of the error.',
    },
    upgrade_error: { level: 'debug', message: 'failed to decide an upgrade', fields: ['error'] },
    unnamed_proxy: {
      level: 'warn',
      message:
        '{limit} was reached by an address behind which there may be many peers: {advice}, so that they are told apart',
      fields: ['remote'],
    },
    private_address_busy: {
      level: 'warn',
      message:
        'many connections from a private address, which has no limit by default: ' +
        'if that is a proxy, list it in trusted-proxies so that the peers behind it are counted separately',
      fields: [],
    },
    too_few_files: {
      level: 'warn',
      message: 'max-connections needs more open files than this process may have: raise "ulimit -n"',
      fields: ['maxConnections', 'allowed'],
    },
    headers_too_small: {
      level: 'warn',
      message:
        'the HTTP server of this application takes fewer bytes of headers than a JWT of max-jwt-bytes needs: give it a ' +
        'larger maxHeaderSize, start Node with --max-http-header-size, or lower max-jwt-bytes',
      fields: ['takes', 'needed'],
    },
  },
  auth: {
    tokens_warning: { level: 'warn', message: '{warning}', fields: [] },
    guard_failed: {
      level: 'error',
      message: 'a guard {what}, so the peer is refused',
      fields: ['guard', 'unmentionedBefore?'],
      help: 'Fix the guard. At debug, `guard_error` has the text of what it threw.',
    },
    guard_error: { level: 'debug', message: 'what a guard threw', fields: ['guard', 'error'] },
    wrong_tokens_from_proxy: {
      level: 'warn',
      message:
        'many wrong tokens from a private address: if that is a proxy, name it in trusted-proxies, ' +
        'so that the peers behind it are told apart',
      fields: [],
    },
    intermediates_unseen: {
      level: 'warn',
      message:
        'this version of Node does not show which intermediate certificates a peer sent: ' +
        'add them to tls-client-ca, so that revocation and reloads can go by them',
      fields: [],
    },
    issuer_keys_fetched: { level: 'debug', message: 'fetched the keys of a JWT issuer', fields: ['issuer', 'keys'] },
    issuer_keys_back: {
      level: 'info',
      message: 'the keys of a JWT issuer can be fetched again',
      fields: ['issuer', 'keys'],
    },
    issuer_keys_unreachable: {
      level: 'warn',
      message: 'the keys of a JWT issuer cannot be fetched',
      fields: ['issuer', 'why', 'keys'],
      help: 'The `keys` that were fetched before hold for a day; peers with JWTs are refused after that, or at once at 0.',
    },
    credentials_expired: {
      level: 'info',
      message: 'closed connections whose {what} has expired',
      fields: ['connections'],
    },
    credentials_revoked: { level: 'info', message: 'closed connections whose {what}', fields: ['connections'] },
  },
  tls: { certificate_warning: { level: 'warn', message: '{warning}', fields: [] } },
  ice: {
    ice_closed: { level: 'warn', message: '{warning}', fields: [] },
    turn_secret_warning: { level: 'warn', message: '{warning}', fields: [] },
    ice_provider_failed: {
      level: 'error',
      message: 'the ICE provider {what}, so a peer gets no ICE servers',
      fields: ['provider', 'unmentionedBefore?'],
      help: 'Fix the provider, or what it asks. At debug, `ice_provider_error` has the text of what it threw.',
    },
    ice_provider_error: { level: 'debug', message: 'what the ICE provider threw', fields: ['provider', 'error'] },
  },
  gateway: {
    message_failed: {
      level: 'error',
      message: 'a message could not be handled',
      fields: ['connection', 'error?'],
      help: 'A bug: report it with this line. The peer was closed with 1011.',
    },
  },
  relay: {
    subscribed: { level: 'debug', message: 'subscribed', fields: ['connection', 'topicDigest'] },
    unsubscribed: { level: 'debug', message: 'unsubscribed', fields: ['connection', 'topicDigest'] },
  },
  policy: {
    policy_nonsense: {
      level: 'error',
      message: 'the topic policy answered with {what}, so the action is refused',
      fields: ['policy', 'unmentionedBefore?'],
      help: 'Fix the policy.',
    },
    policy_failed: {
      level: 'error',
      message: 'the topic policy failed, so the action is refused; further failures are logged at debug',
      fields: ['policy', 'error'],
      help: 'Fix the policy. `cairn_signal_topic_policy_failures_total` counts on.',
    },
    policy_error: { level: 'debug', message: 'the topic policy failed', fields: ['policy', 'error'] },
    policy_ended: {
      level: 'info',
      message: 'ended what the topic policy allows no more',
      fields: ['subscriptions', 'presence?', 'records'],
    },
    policy_unanswered: {
      level: 'error',
      message: 'some of it ended because the topic policy did not answer for {seconds} s: it fails, or is too slow',
      fields: ['ended'],
    },
  },
  application: {
    subscription_ended: {
      level: 'warn',
      message: 'a subscription of the application has ended',
      fields: ['reason', 'unmentionedBefore?'],
    },
    application_threw: {
      level: 'error',
      message: 'code of the application threw ({what})',
      fields: ['error', 'unmentionedBefore?'],
    },
    observer_threw: {
      level: 'error',
      message: 'a presence observer threw',
      fields: ['observer', 'error', 'unmentionedBefore?'],
    },
  },
  backplane: {
    bus_joined: { level: 'info', message: 'joined the bus', fields: ['server'] },
    bus_rejoined: { level: 'info', message: 'rejoined the bus', fields: ['server'] },
    bus_lost: { level: 'warn', message: "lost the bus, serving this node's own peers only", fields: [] },
    bus_closed: {
      level: 'warn',
      message: 'the bus closed the connection for good, connecting again',
      fields: ['error'],
    },
    bus_unreached: {
      level: 'warn',
      message: "cannot reach the bus, serving this node's own peers only",
      fields: ['error', 'unmentionedBefore?'],
      help: 'Peers of different nodes do not meet until it is reached.',
    },
    bus_unanswered: { level: 'warn', message: 'NATS does not answer, giving up the connection', fields: [] },
    bus_stopping: { level: 'warn', message: 'the NATS server is about to stop', fields: ['server'] },
    bus_refuses: {
      level: 'error',
      message: 'NATS refuses this node ({settings}); this node serves its own peers only, and keeps trying',
      fields: [],
    },
    bus_too_small: { level: 'error', message: '{fault}', fields: [] },
    bus_failed: {
      level: 'error',
      message: '{what}; further failures are counted, and logged once a minute',
      fields: ['error', 'unmentionedBefore?'],
    },
  },
  drain: {
    unready: { level: 'info', message: 'not ready any more, still serving for drain-delay', fields: ['connections'] },
    draining: { level: 'info', message: 'draining', fields: ['connections', 'spreadMs'] },
    drain_cut: {
      level: 'warn',
      message: 'drain-timeout is over, cutting the remaining connections',
      fields: ['connections'],
    },
  },
  operators: {
    close_ordered: {
      level: 'info',
      message: 'an operator ordered to close the connections of a principal',
      fields: ['principal', 'closed', 'nodes', 'bus', 'address?'],
    },
    principal_closed: {
      level: 'info',
      message: 'closed the connections of a principal, as an operator ordered',
      fields: ['principal', 'connections'],
    },
  },
  reload: {
    nothing_to_reload: {
      level: 'info',
      message:
        'nothing to reload: no certificate, auth-token-file, metrics-token-file, management-token-file, ' +
        'turn-secret-file or jwt-public-key is set',
      fields: [],
    },
    reloaded: {
      level: 'info',
      message: 'reloaded {what}',
      fields: ['validTo?', 'authorities?', 'lists?', 'added?', 'revoked?', 'keys?'],
    },
    reload_failed: {
      level: 'error',
      message: '{fault}: {otherwise}',
      fields: [],
      help: 'What was read before stays in use. Fix the file; it is read again when it changes.',
    },
    code_changed: {
      level: 'warn',
      message: '{file} {change}: code is read only when the server starts, so restart it',
      fields: [],
    },
  },
  http: {
    request_failed: {
      level: 'error',
      message: 'a request could not be answered',
      fields: ['error?'],
      help: 'A bug in the server, or in a module of the application.',
    },
  },
  /** Lines of Nest itself, whose target is `nest`, and of applications that use its logger. */
  nest: {
    nest_trace: { level: 'trace', message: '{text}', fields: ['context?'] },
    nest_debug: { level: 'debug', message: '{text}', fields: ['context?'] },
    nest_warning: { level: 'warn', message: '{text}', fields: ['context?'] },
    nest_error: { level: 'error', message: '{text}', fields: ['context?', 'stack?'] },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, LogEventRow>>>>;
