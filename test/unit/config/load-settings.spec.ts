import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../src/config/load-settings.js';
import { settingNames } from '../../../src/config/settings.js';
import { load, faultsOf } from '../../support/load.js';

const DEFAULTS = {
  listenAddr: { host: '0.0.0.0', port: 443 },
  tlsClientPrincipal: ['cn', 'uri', 'fingerprint'],
  tlsClientExpiryCloses: true,
  revokeCloses: false,
  jwtAlgorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
  jwtAllowIdTokens: ['https://accounts.google.com'],
  jwtAudienceClaim: ['aud'],
  jwtPrincipalClaim: ['sub'],
  jwtClockTolerance: 5000,
  jwtExpiryCloses: true,
  maxJwtBytes: 8192,
  maxWrongTokens: 10,
  forwardedHeader: 'x-forwarded-for',
  proxyProtocol: false,
  maxConnections: 50_000,
  maxPlainConnections: 4096,
  maxMessageBytes: 65_536,
  maxTopicBytes: 256,
  maxTopicsPerConnection: 1024,
  maxConnectionsPerPrincipal: 0,
  maxTopicsPerPrincipal: 0,
  maxMessagesPerSecondPerPrincipal: 0,
  messageBurstPerPrincipal: 400,
  maxSubscribersPerTopic: 1024,
  maxSubscriptions: 2_000_000,
  maxMessagesPerSecond: 200,
  messageBurst: 400,
  maxBufferedBytes: 1_048_576,
  maxBufferedTotalBytes: 268_435_456,
  maxUnfinishedTotalBytes: 134_217_728,
  pingInterval: 25_000,
  pongTimeout: 20_000,
  presence: true,
  presenceMembers: 32,
  presenceDataBytes: 1024,
  presenceTotalBytes: 67_108_864,
  turnTtl: 3_600_000,
  turnOpen: false,
  records: true,
  recordTtl: 3_600_000,
  recordMaxBytes: 16_384,
  recordsPerTopic: 16,
  recordsPerSource: 1024,
  recordsMaxBytes: 67_108_864,
  checkPage: true,
  natsSubjectPrefix: 'cairn',
  backplaneRequired: false,
  handshakeTimeout: 10_000,
  maxHeaderBytes: 16_384,
  keepAliveTimeout: 75_000,
  drainDelay: 0,
  drainTimeout: 10_000,
};

describe('settings', () => {
  it('are the defaults if nothing is written', () => {
    expect(load({})).toEqual({ settings: DEFAULTS, warnings: [] });
  });

  it('come from flags before the environment before the file before the defaults', () => {
    const yaml = 'listenAddr: file:1\ndrainTimeout: 1s\nmaxMessageBytes: 1024';
    const environment = { CAIRN_SIGNAL_LISTEN_ADDR: 'environment:2', CAIRN_SIGNAL_DRAIN_TIMEOUT: '2s' };
    const { settings } = load({ yaml, environment, flags: { 'listen-addr': 'flag:3' } });
    expect(settings).toEqual({
      ...DEFAULTS,
      listenAddr: { host: 'flag', port: 3 },
      drainTimeout: 2000,
      maxMessageBytes: 1024,
    });
  });

  const EXAMPLES = [
    ['listenAddr', 'listen-addr', 'CAIRN_SIGNAL_LISTEN_ADDR', '[::1]:8080', { host: '::1', port: 8080 }],
    ['tlsCert', 'tls-cert', 'CAIRN_SIGNAL_TLS_CERT', '/certs/cert.pem', '/certs/cert.pem'],
    ['tlsKey', 'tls-key', 'CAIRN_SIGNAL_TLS_KEY', '/certs/key.pem', '/certs/key.pem'],
    ['tlsClientCa', 'tls-client-ca', 'CAIRN_SIGNAL_TLS_CLIENT_CA', '/certs/peers.pem', '/certs/peers.pem'],
    ['tlsClientCrl', 'tls-client-crl', 'CAIRN_SIGNAL_TLS_CLIENT_CRL', '/certs/lists.crl', '/certs/lists.crl'],
    ['tlsClientPrincipal', 'tls-client-principal', 'CAIRN_SIGNAL_TLS_CLIENT_PRINCIPAL', 'uri, dns', ['uri', 'dns']],
    ['tlsClientExpiryCloses', 'tls-client-expiry-closes', 'CAIRN_SIGNAL_TLS_CLIENT_EXPIRY_CLOSES', 'off', false],
    ['authToken', 'auth-token', 'CAIRN_SIGNAL_AUTH_TOKEN', 's3cret', 's3cret'],
    ['authTokenFile', 'auth-token-file', 'CAIRN_SIGNAL_AUTH_TOKEN_FILE', '/run/tokens', '/run/tokens'],
    ['revokeCloses', 'revoke-closes', 'CAIRN_SIGNAL_REVOKE_CLOSES', 'on', true],
    [
      'jwtIssuer',
      'jwt-issuer',
      'CAIRN_SIGNAL_JWT_ISSUER',
      'https://a.example/, https://b.example',
      ['https://a.example/', 'https://b.example'],
    ],
    ['jwtAudience', 'jwt-audience', 'CAIRN_SIGNAL_JWT_AUDIENCE', 'cairn,signal', ['cairn', 'signal']],
    [
      'jwtJwksUrl',
      'jwt-jwks-url',
      'CAIRN_SIGNAL_JWT_JWKS_URL',
      'https://id.example/keys?v=1',
      ['https://id.example/keys?v=1'],
    ],
    ['jwtPublicKey', 'jwt-public-key', 'CAIRN_SIGNAL_JWT_PUBLIC_KEY', '/run/jwt.pem', ['/run/jwt.pem']],
    ['jwtAlgorithms', 'jwt-algorithms', 'CAIRN_SIGNAL_JWT_ALGORITHMS', 'ES384, RS512', ['ES384', 'RS512']],
    [
      'jwtPrincipalClaim',
      'jwt-principal-claim',
      'CAIRN_SIGNAL_JWT_PRINCIPAL_CLAIM',
      'https://example.com/peer',
      ['https://example.com/peer'],
    ],
    [
      'jwtTenant',
      'jwt-tenant',
      'CAIRN_SIGNAL_JWT_TENANT',
      'one, https://other.example/{tenantid} two',
      ['one', 'https://other.example/{tenantid} two'],
    ],
    ['jwtAudienceClaim', 'jwt-audience-claim', 'CAIRN_SIGNAL_JWT_AUDIENCE_CLAIM', 'azp', ['azp']],
    [
      'jwtRequireClaim',
      'jwt-require-claim',
      'CAIRN_SIGNAL_JWT_REQUIRE_CLAIM',
      'a=b, realm_access.roles=peer of cairn',
      ['a=b', 'realm_access.roles=peer of cairn'],
    ],
    ['jwtTyp', 'jwt-typ', 'CAIRN_SIGNAL_JWT_TYP', 'at+jwt,application/AT+JWT', ['at+jwt', 'application/AT+JWT']],
    [
      'jwtAllowIdTokens',
      'jwt-allow-id-tokens',
      'CAIRN_SIGNAL_JWT_ALLOW_ID_TOKENS',
      'https://other.example',
      ['https://other.example'],
    ],
    ['jwtJwksTokenFile', 'jwt-jwks-token-file', 'CAIRN_SIGNAL_JWT_JWKS_TOKEN_FILE', '/run/token', ['/run/token']],
    [
      'jwtAllowHttp',
      'jwt-allow-http',
      'CAIRN_SIGNAL_JWT_ALLOW_HTTP',
      'https://other.example',
      ['https://other.example'],
    ],
    ['jwtClockTolerance', 'jwt-clock-tolerance', 'CAIRN_SIGNAL_JWT_CLOCK_TOLERANCE', '0s', 0],
    ['jwtExpiryCloses', 'jwt-expiry-closes', 'CAIRN_SIGNAL_JWT_EXPIRY_CLOSES', 'off', false],
    ['maxJwtBytes', 'max-jwt-bytes', 'CAIRN_SIGNAL_MAX_JWT_BYTES', '4096', 4096],
    ['maxWrongTokens', 'max-wrong-tokens', 'CAIRN_SIGNAL_MAX_WRONG_TOKENS', '3', 3],
    ['guards', 'guard', 'CAIRN_SIGNAL_GUARDS', './a.js, ./b.js', ['./a.js', './b.js']],
    ['topicPolicy', 'topic-policy', 'CAIRN_SIGNAL_TOPIC_POLICY', './policy.js', './policy.js'],
    [
      'allowedOrigins',
      'allowed-origins',
      'CAIRN_SIGNAL_ALLOWED_ORIGINS',
      'https://A.example:443, null',
      ['https://a.example', 'null'],
    ],
    [
      'trustedProxies',
      'trusted-proxies',
      'CAIRN_SIGNAL_TRUSTED_PROXIES',
      '10.0.0.0/8,::1',
      [
        { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
        { address: '::1', prefix: 128, family: 'ipv6' },
      ],
    ],
    ['forwardedHeader', 'forwarded-header', 'CAIRN_SIGNAL_FORWARDED_HEADER', 'X-Real-IP', 'x-real-ip'],
    ['proxyProtocol', 'proxy-protocol', 'CAIRN_SIGNAL_PROXY_PROTOCOL', 'on', true],
    ['maxConnections', 'max-connections', 'CAIRN_SIGNAL_MAX_CONNECTIONS', '7', 7],
    ['maxConnectionsPerIp', 'max-connections-per-ip', 'CAIRN_SIGNAL_MAX_CONNECTIONS_PER_IP', '5', 5],
    ['maxPlainConnections', 'max-plain-connections', 'CAIRN_SIGNAL_MAX_PLAIN_CONNECTIONS', '6', 6],
    ['logFormat', 'log-format', 'CAIRN_SIGNAL_LOG_FORMAT', 'pretty', 'pretty'],
    ['audit', 'audit', 'CAIRN_SIGNAL_AUDIT', 'fd:3', 3],
    ['maxMessageBytes', 'max-message-bytes', 'CAIRN_SIGNAL_MAX_MESSAGE_BYTES', '2048', 2048],
    ['maxTopicBytes', 'max-topic-bytes', 'CAIRN_SIGNAL_MAX_TOPIC_BYTES', '64', 64],
    ['maxTopicsPerConnection', 'max-topics-per-connection', 'CAIRN_SIGNAL_MAX_TOPICS_PER_CONNECTION', '0', 0],
    [
      'maxConnectionsPerPrincipal',
      'max-connections-per-principal',
      'CAIRN_SIGNAL_MAX_CONNECTIONS_PER_PRINCIPAL',
      '5',
      5,
    ],
    ['maxTopicsPerPrincipal', 'max-topics-per-principal', 'CAIRN_SIGNAL_MAX_TOPICS_PER_PRINCIPAL', '50', 50],
    [
      'maxMessagesPerSecondPerPrincipal',
      'max-messages-per-second-per-principal',
      'CAIRN_SIGNAL_MAX_MESSAGES_PER_SECOND_PER_PRINCIPAL',
      '60',
      60,
    ],
    ['messageBurstPerPrincipal', 'message-burst-per-principal', 'CAIRN_SIGNAL_MESSAGE_BURST_PER_PRINCIPAL', '70', 70],
    ['maxSubscribersPerTopic', 'max-subscribers-per-topic', 'CAIRN_SIGNAL_MAX_SUBSCRIBERS_PER_TOPIC', '2', 2],
    ['maxSubscriptions', 'max-subscriptions', 'CAIRN_SIGNAL_MAX_SUBSCRIPTIONS', '100', 100],
    ['maxMessagesPerSecond', 'max-messages-per-second', 'CAIRN_SIGNAL_MAX_MESSAGES_PER_SECOND', '50', 50],
    ['messageBurst', 'message-burst', 'CAIRN_SIGNAL_MESSAGE_BURST', '100', 100],
    ['maxBufferedBytes', 'max-buffered-bytes', 'CAIRN_SIGNAL_MAX_BUFFERED_BYTES', '4096', 4096],
    ['maxBufferedTotalBytes', 'max-buffered-total-bytes', 'CAIRN_SIGNAL_MAX_BUFFERED_TOTAL_BYTES', '9999', 9999],
    ['maxUnfinishedTotalBytes', 'max-unfinished-total-bytes', 'CAIRN_SIGNAL_MAX_UNFINISHED_TOTAL_BYTES', '9999', 9999],
    ['pingInterval', 'ping-interval', 'CAIRN_SIGNAL_PING_INTERVAL', '10s', 10_000],
    ['pongTimeout', 'pong-timeout', 'CAIRN_SIGNAL_PONG_TIMEOUT', '5s', 5000],
    ['records', 'records', 'CAIRN_SIGNAL_RECORDS', 'off', false],
    ['recordTtl', 'record-ttl', 'CAIRN_SIGNAL_RECORD_TTL', '5m', 300_000],
    ['recordMaxBytes', 'record-max-bytes', 'CAIRN_SIGNAL_RECORD_MAX_BYTES', '2048', 2048],
    ['recordsPerTopic', 'records-per-topic', 'CAIRN_SIGNAL_RECORDS_PER_TOPIC', '4', 4],
    ['recordsPerSource', 'records-per-source', 'CAIRN_SIGNAL_RECORDS_PER_SOURCE', '8', 8],
    ['recordsMaxBytes', 'records-max-bytes', 'CAIRN_SIGNAL_RECORDS_MAX_BYTES', '1000000', 1_000_000],
    ['presence', 'presence', 'CAIRN_SIGNAL_PRESENCE', 'off', false],
    ['presenceMembers', 'presence-members', 'CAIRN_SIGNAL_PRESENCE_MEMBERS', '8', 8],
    ['presenceDataBytes', 'presence-data-bytes', 'CAIRN_SIGNAL_PRESENCE_DATA_BYTES', '256', 256],
    ['presenceTotalBytes', 'presence-total-bytes', 'CAIRN_SIGNAL_PRESENCE_TOTAL_BYTES', '1000000', 1_000_000],
    ['stunUrls', 'stun-urls', 'CAIRN_SIGNAL_STUN_URLS', 'stun:a,stun:b:1', ['stun:a', 'stun:b:1']],
    ['turnUrls', 'turn-urls', 'CAIRN_SIGNAL_TURN_URLS', 'turn:a?transport=udp', ['turn:a?transport=udp']],
    ['iceProvider', 'ice-provider', 'CAIRN_SIGNAL_ICE_PROVIDER', './ice.js', './ice.js'],
    ['turnSecretFile', 'turn-secret-file', 'CAIRN_SIGNAL_TURN_SECRET_FILE', '/secret', '/secret'],
    ['turnTtl', 'turn-ttl', 'CAIRN_SIGNAL_TURN_TTL', '5m', 300_000],
    ['turnOpen', 'turn-open', 'CAIRN_SIGNAL_TURN_OPEN', 'on', true],
    ['checkPage', 'check-page', 'CAIRN_SIGNAL_CHECK_PAGE', 'off', false],
    [
      'natsUrl',
      'nats-url',
      'CAIRN_SIGNAL_NATS_URL',
      'nats://one.example:4333, tls://two.example',
      [
        { server: 'one.example:4333', tls: false },
        { server: 'two.example:4222', tls: true },
      ],
    ],
    ['natsCreds', 'nats-creds', 'CAIRN_SIGNAL_NATS_CREDS', '/run/nats.creds', '/run/nats.creds'],
    ['natsToken', 'nats-token', 'CAIRN_SIGNAL_NATS_TOKEN', 's3cret', 's3cret'],
    ['natsTokenFile', 'nats-token-file', 'CAIRN_SIGNAL_NATS_TOKEN_FILE', '/run/t', '/run/t'],
    ['natsUser', 'nats-user', 'CAIRN_SIGNAL_NATS_USER', 'node', 'node'],
    ['natsPassword', 'nats-password', 'CAIRN_SIGNAL_NATS_PASSWORD', 's3cret', 's3cret'],
    ['natsPasswordFile', 'nats-password-file', 'CAIRN_SIGNAL_NATS_PASSWORD_FILE', '/run/p', '/run/p'],
    ['natsNkey', 'nats-nkey', 'CAIRN_SIGNAL_NATS_NKEY', '/run/seed', '/run/seed'],
    ['natsTlsCa', 'nats-tls-ca', 'CAIRN_SIGNAL_NATS_TLS_CA', '/certs/ca.pem', '/certs/ca.pem'],
    ['natsTlsCert', 'nats-tls-cert', 'CAIRN_SIGNAL_NATS_TLS_CERT', '/certs/cert.pem', '/certs/cert.pem'],
    ['natsTlsKey', 'nats-tls-key', 'CAIRN_SIGNAL_NATS_TLS_KEY', '/certs/key.pem', '/certs/key.pem'],
    ['natsSubjectPrefix', 'nats-subject-prefix', 'CAIRN_SIGNAL_NATS_SUBJECT_PREFIX', 'acme.cairn', 'acme.cairn'],
    ['backplaneRequired', 'backplane-required', 'CAIRN_SIGNAL_BACKPLANE_REQUIRED', 'on', true],
    [
      'managementAddr',
      'management-addr',
      'CAIRN_SIGNAL_MANAGEMENT_ADDR',
      '127.0.0.1:9090',
      { host: '127.0.0.1', port: 9090 },
    ],
    [
      'managementHosts',
      'management-hosts',
      'CAIRN_SIGNAL_MANAGEMENT_HOSTS',
      'Node-1.example.com.,ops',
      ['node-1.example.com', 'ops'],
    ],
    ['managementToken', 'management-token', 'CAIRN_SIGNAL_MANAGEMENT_TOKEN', 's3cret', 's3cret'],
    ['managementTokenFile', 'management-token-file', 'CAIRN_SIGNAL_MANAGEMENT_TOKEN_FILE', '/token', '/token'],
    ['metricsToken', 'metrics-token', 'CAIRN_SIGNAL_METRICS_TOKEN', 's3cret', 's3cret'],
    ['metricsTokenFile', 'metrics-token-file', 'CAIRN_SIGNAL_METRICS_TOKEN_FILE', '/run/m', '/run/m'],
    ['handshakeTimeout', 'handshake-timeout', 'CAIRN_SIGNAL_HANDSHAKE_TIMEOUT', '3s', 3000],
    ['maxHeaderBytes', 'max-header-bytes', 'CAIRN_SIGNAL_MAX_HEADER_BYTES', '65536', 65_536],
    ['keepAliveTimeout', 'keep-alive-timeout', 'CAIRN_SIGNAL_KEEP_ALIVE_TIMEOUT', '620s', 620_000],
    ['drainDelay', 'drain-delay', 'CAIRN_SIGNAL_DRAIN_DELAY', '5s', 5000],
    ['drainTimeout', 'drain-timeout', 'CAIRN_SIGNAL_DRAIN_TIMEOUT', '4s', 4000],
  ] as const;

  it('are all in the list of examples below', () => {
    expect(EXAMPLES.map(([name]) => name)).toEqual(settingNames);
  });

  it.each(EXAMPLES)('%s can be given as --%s, as %s and in the file', (name, flag, variable, text, value) => {
    // A certificate needs its key and the key its certificate. Settings of NATS, of management and of JWTs need the
    // address or the issuer. So the settings that are not being tried are always present.
    const needed = [
      'TLS_CERT',
      'TLS_KEY',
      'TLS_CLIENT_CA',
      'NATS_URL',
      'NATS_TLS_CERT',
      'NATS_TLS_KEY',
      'JWT_ISSUER',
      'JWT_AUDIENCE',
      'MANAGEMENT_ADDR',
      'TRUSTED_PROXIES',
      // A provider takes their place.
      ...(name === 'iceProvider' ? [] : ['TURN_URLS', 'TURN_SECRET_FILE']),
      // Beside another credential, a user would be one too many.
      ...(name === 'natsUser' ? ['NATS_PASSWORD'] : []),
      ...(name.startsWith('natsPassword') ? ['NATS_USER'] : []),
    ].map((other) => [
      `CAIRN_SIGNAL_${other}`,
      {
        JWT_ISSUER: `https://other.example${name === 'jwtTenant' ? '/{tenantid}' : ''}`,
        MANAGEMENT_ADDR: 'other:1',
        TRUSTED_PROXIES: '10.0.0.1',
        TURN_URLS: 'turn:other',
      }[other] ?? 'other',
    ]);
    const { [variable]: _tried, ...environment } = Object.fromEntries(needed) as Record<string, string>;
    expect(load({ environment, flags: { [flag]: text } }).settings[name]).toEqual(value);
    expect(load({ environment: { ...environment, [variable]: text } }).settings[name]).toEqual(value);
    expect(load({ environment, yaml: `${name}: "${text}"` }).settings[name]).toEqual(value);
  });

  it('lists may be lists in the file', () => {
    expect(
      load({ yaml: 'allowedOrigins: [https://a.example, http://b.example:8080]' }).settings.allowedOrigins,
    ).toEqual(['https://a.example', 'http://b.example:8080']);
  });

  it.each([
    ['trustedProxies', ['10.0.0.0/33', '10.0.0', 'proxy.example', '::1/129', '10.0.0.1,', '', '/8', '10.0.0.0/']],
    [
      'allowedOrigins',
      [
        'app.example.com',
        'https://app.example.com/path',
        'ftp://app.example.com',
        '*',
        'https://a.example,,',
        'https://user@a.example',
      ],
    ],
    ['forwardedHeader', ['x forwarded', 'a:b', '']],
    [
      'natsUrl',
      [
        'nats://',
        'http://nats.example',
        'nats://name:secret@nats.example',
        'nats://token@nats.example',
        'nats://nats.example/path',
        'a,,b',
        '',
      ],
    ],
    ['natsSubjectPrefix', ['', 'a.', '.a', 'a..b', 'a b', 'a.*', '>']],
  ] as const)('%s: every wrong value is a fault', (name, values) => {
    for (const value of values) expect(faultsOf(() => parseSettings({ [name]: value }))).toHaveLength(1);
  });

  it.each([
    ['jwtIssuer', ['', 'a b', 'https://a.example,', 'a|b', 'x'.repeat(256)]],
    ['jwtAudience', ['', 'a,,b', 'ä', 'x'.repeat(256), 'https://b.example a']],
    ['jwtAudienceClaim', ['', 'a b', 'azp,client_id', 'https://b.example azp', 'x'.repeat(129)]],
    [
      'jwtRequireClaim',
      [
        '',
        'a',
        '=b',
        'a=',
        'a,b',
        'roles=a,b',
        'https://b.example a=b',
        'https://a.example a',
        'ä=b',
        `a=${'x'.repeat(513)}`,
      ],
    ],
    [
      'jwtTyp',
      [
        '',
        'logout+jwt',
        'application/Logout+JWT',
        'JWT,secevent+jwt',
        'dpop+jwt',
        'kb+jwt',
        'dc+sd-jwt',
        'a b',
        'jwt;x',
      ],
    ],
    ['jwtAllowIdTokens', ['', 'https://b.example', 'a b']],
    ['jwtAllowHttp', ['', 'on', 'https://b.example']],
    ['jwtJwksTokenFile', ['', 'https://b.example /t', '/a\nb', 'https://a.example']],
    [
      'jwtJwksUrl',
      [
        '',
        'keys',
        'http://id.example/keys',
        'http://127.example/keys',
        'http://10.0.0.1/keys',
        'https://name@id.example/keys',
        'https://id.example/#keys',
        'file:///keys',
        'https://id.example,',
        'https://b.example https://id.example/keys',
        'https://a.example keys',
        'https://a.example http://id.example/keys',
        'https://a.example https://id.example/1,https://a.example https://id.example/2',
      ],
    ],
    ['tlsClientPrincipal', ['', 'CN', 'san', 'uri,ip', 'uri,']],
    ['jwtAlgorithms', ['', 'none', 'HS256', 'HS512', 'RS256,HS256', 'rs256', 'RSA-OAEP', 'dir', 'ES256K']],
    ['jwtPrincipalClaim', ['', 'a b', 'x'.repeat(129), 'sub,azp', 'https://a.example sub,https://a.example azp']],
    ['jwtClockTolerance', ['5m1s', '301s', '-1s']],
  ] as const)('A3: %s: every wrong value is a fault', (name, values) => {
    for (const value of values) {
      expect(
        faultsOf(() => parseSettings({ jwtIssuer: 'https://a.example', jwtAudience: 'a', [name]: value })),
      ).toHaveLength(1);
    }
  });

  it.each([
    'http://localhost:8080/keys',
    'http://127.0.0.1/keys',
    'http://127.9.9.9:1/',
    'http://[::1]:8080/keys',
    'https://id.example/keys',
  ])('keys may come from %s', (url) => {
    expect(parseSettings({ jwtIssuer: 'id', jwtAudience: 'a', jwtJwksUrl: url }).jwtJwksUrl).toEqual([url]);
  });

  const ISSUERS = 'https://a.example,https://b.example';
  const B = 'https://b.example';
  const TD = 'spiffe://example.org';
  it.each([
    [
      { managementHosts: 'a' },
      'managementHosts is set but management-addr is not: without it there is no address to ask for',
    ],
    [{ natsUrl: 'n', natsCreds: '/c', natsToken: 't' }, 'natsCreds and natsToken are both set: set only one of them'],
    [
      { natsUrl: 'n', natsCreds: '/c', natsNkey: '/n', natsTokenFile: '/t' },
      'natsCreds, natsTokenFile and natsNkey are all set: set only one of them',
    ],
    [
      { natsUrl: 'n', natsUser: 'u', natsPassword: 'p', natsPasswordFile: '/p' },
      'natsPassword and natsPasswordFile are both set: set only one of them',
    ],
    [
      { natsUrl: 'n', natsUser: 'u' },
      'natsUser is set but neither nats-password nor nats-password-file is: a user needs a password',
    ],
    [{ natsUrl: 'n', natsPassword: 'p' }, 'natsPassword is set but nats-user is not: a password needs its user'],
    [
      { metricsToken: 'm', metricsTokenFile: '/m' },
      'metricsToken and metricsTokenFile are both set: set only one of them',
    ],
    [
      { proxyProtocol: 'on' },
      'proxyProtocol is on but trusted-proxies is not set: a PROXY header is believed only from a proxy named there',
    ],
    [
      { jwtIssuer: 'https://a.example' },
      'jwtIssuer is set but jwt-audience is not: tokens for other services would open this one',
    ],
    [{ jwtAudience: 'a' }, 'jwtAudience is set but jwt-issuer is not: without it no JWT opens the server'],
    [{ jwtPublicKey: '/k' }, 'jwtPublicKey is set but jwt-issuer is not: without it no JWT opens the server'],
    [
      { jwtJwksUrl: 'https://a.example' },
      'jwtJwksUrl is set but jwt-issuer is not: without it no JWT opens the server',
    ],
    [
      { jwtIssuer: 'id', jwtAudience: 'a' },
      'jwtIssuer: discovery needs an https: address without a query: set jwt-jwks-url or jwt-public-key',
    ],
    [
      { jwtIssuer: 'http://a.example', jwtAudience: 'a' },
      'jwtIssuer: discovery needs an https: address without a query: ' +
        'consent to http: by naming the issuer in jwt-allow-http, or set jwt-jwks-url or jwt-public-key',
    ],
    [
      { jwtIssuer: 'https://a.example?x', jwtAudience: 'a' },
      'jwtIssuer: discovery needs an https: address without a query: set jwt-jwks-url or jwt-public-key',
    ],
    [{ jwtIssuer: 'https://a.example,https://a.example', jwtAudience: 'a' }, 'jwtIssuer: an issuer is listed twice'],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtJwksUrl: 'https://a.example/keys' },
      'jwtJwksUrl: expected one address for each issuer of jwtIssuer, in the same order, but there are 1 for 2 issuers; ' +
        'or begin each with its issuer and a space',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtPublicKey: '/k' },
      'jwtPublicKey: these keys belong to one issuer, but there are 2: ' +
        'begin the path with the issuer and a space, or set a jwt-jwks-url for each',
    ],
    [
      { jwtIssuer: 'id', jwtAudience: 'a', jwtPublicKey: '/k', jwtJwksUrl: 'https://a.example/keys' },
      'jwtJwksUrl and jwtPublicKey are both set: set only one of them',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtJwksUrl: `${B} https://b.example/keys`, jwtPublicKey: `${B} /k` },
      'jwtJwksUrl and jwtPublicKey are both set for issuer 2: set only one of them',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtJwksUrl: `${B} https://b.example/keys,https://a.example/keys` },
      'jwtJwksUrl: begin each address with its issuer and a space, or none',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtPublicKey: `${B} /k,https://a.example /k` },
      'jwtPublicKey: two issuers have the same keys: each could speak for the other',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtPublicKey: `${B} /k,${B} /l` },
      'jwtPublicKey: there can be one for an issuer',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: `${B} a` },
      'jwtAudience: there is none for issuer 1: tokens for other services would open this one',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtJwksTokenFile: '/t' },
      'jwtJwksTokenFile: begin the path with the issuer that the token is for, and a space: ' +
        'otherwise the other issuers would learn the token',
    ],
    [
      { jwtIssuer: 'id', jwtAudience: 'a', jwtPublicKey: '/k', jwtJwksTokenFile: '/t' },
      'jwtJwksTokenFile: the keys are in a file, so nothing is fetched',
    ],
    [
      { jwtIssuer: 'http://a.example', jwtAllowHttp: 'http://a.example', jwtAudience: 'a', jwtJwksTokenFile: '/t' },
      'jwtJwksTokenFile: over http: anyone on the way could read the token',
    ],
    [
      { jwtIssuer: 'https://a.example/{tenantid}/v2.0', jwtAudience: 'a' },
      'jwtIssuer has {tenantid} but jwt-tenant lists no tenant for it: ' +
        'without a list, every tenant of the provider could connect',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a', jwtTenant: 'one' },
      'jwtTenant is set but no issuer of jwt-issuer has {tenantid} in its name',
    ],
    [
      { jwtIssuer: 'https://a.example/{tenant}', jwtAudience: 'a' },
      'jwtIssuer: what stands for a tenant is written {tenantid}',
    ],
    [
      { jwtIssuer: 'https://a.example/{tenantid}', jwtAudience: 'a', jwtTenant: 'one,Organizations' },
      'jwtTenant (17 characters): entry 2: this stands for many tenants: list each by its id',
    ],
    [
      {
        jwtIssuer: 'https://a.example/{tenantid}',
        jwtAudience: 'a',
        jwtTenant: Array.from({ length: 101 }, (_, i) => `t${i}`),
      },
      'jwtTenant: expected at most 100 tenants',
    ],
    [
      { jwtIssuer: 'https://a.example/{tenantid},https://a.example/one', jwtAudience: 'a', jwtTenant: 'one' },
      'jwtIssuer: an issuer is listed twice',
    ],
    [
      { jwtIssuer: 'spiffe://example.org', jwtAudience: 'a' },
      'jwtIssuer: a SPIFFE trust domain has no discovery: ' +
        'set jwt-jwks-url to its bundle endpoint, or jwt-public-key to a file with its bundle',
    ],
    [
      { jwtIssuer: 'spiffe://example.org/server', jwtAudience: 'a', jwtPublicKey: '/k' },
      'jwtIssuer: a trust domain is written as spiffe://example.org, in small letters and without a path',
    ],
    [
      { jwtIssuer: TD, jwtAudience: 'a', jwtPublicKey: '/k', jwtPrincipalClaim: `${TD} azp` },
      'jwtPrincipalClaim: the principal of a JWT-SVID is its SPIFFE ID',
    ],
    [
      { jwtIssuer: TD, jwtAudience: 'a', jwtPublicKey: '/k', jwtAudienceClaim: `${TD} azp` },
      'jwtAudienceClaim: a JWT-SVID must have aud',
    ],
    [
      { jwtIssuer: ISSUERS, jwtAudience: 'a,https://c.example b' },
      'jwtAudience: entry 2 begins with an issuer that jwt-issuer does not list, letter for letter',
    ],
    [{ jwtRequireClaim: 'a=b' }, 'jwtRequireClaim is set but jwt-issuer is not: without it no JWT opens the server'],
    [{ jwtAllowHttp: 'a' }, 'jwtAllowHttp is set but jwt-issuer is not: without it no JWT opens the server'],
  ] as const)('A3: JWT settings that do not fit together are one fault: %j', (input, fault) => {
    expect(faultsOf(() => parseSettings(input))).toEqual([fault]);
  });

  it.each(['id.example.com', 'id.example.com/realms/x', 'https://a.example,id.example.com'])(
    'A3: an issuer without https://, %s, is told to add it',
    (jwtIssuer) => {
      expect(faultsOf(() => parseSettings({ jwtIssuer, jwtAudience: 'a' }))).toEqual([
        expect.stringMatching(/^jwtIssuer: .*: add https:\/\/ as in the claim "iss", or set jwt-jwks-url/),
      ]);
    },
  );

  describe('A13: the longest JWT must fit into the headers', () => {
    const jwt = { jwtIssuer: 'https://a.example', jwtAudience: 'a' };

    it.each([
      ['defaults', {}],
      ['4/3 of it, and 2,048 bytes', { maxJwtBytes: 16_384, maxHeaderBytes: 23_894 }],
      ['the largest one', { maxJwtBytes: 131_072, maxHeaderBytes: 176_811 }],
    ])('%s are enough', (_what, input) => {
      expect(parseSettings({ ...jwt, ...input })).toMatchObject(input);
    });

    it.each([
      [{ maxJwtBytes: 16_384, maxHeaderBytes: 23_893 }, 'maxJwtBytes does not fit into maxHeaderBytes', 23_894, 16_383],
      [{ maxJwtBytes: 16_384 }, 'maxJwtBytes does not fit into maxHeaderBytes', 23_894, 10_752],
      [{ maxHeaderBytes: 8192 }, 'maxJwtBytes does not fit into maxHeaderBytes', 12_971, 4608],
    ])('%j is a fault that names what would fit', (input, what, headers, tokens) => {
      const [fault, ...others] = faultsOf(() => parseSettings({ ...jwt, ...input }));
      expect(others).toEqual([]);
      expect(fault).toContain(what);
      expect(fault).toContain(`raise max-header-bytes to that, or lower max-jwt-bytes to ${tokens}`);
      expect(() => parseSettings({ ...jwt, ...input, maxHeaderBytes: headers })).not.toThrow();
      expect(() => parseSettings({ ...jwt, ...input, maxJwtBytes: tokens })).not.toThrow();
      expect(() => parseSettings({ ...jwt, ...input, maxJwtBytes: tokens + 1 })).toThrow(what);
    });

    it('names where each was written', () => {
      const [fault] = faultsOf(() =>
        load({
          flags: { 'max-jwt-bytes': '16384' },
          environment: {
            CAIRN_SIGNAL_JWT_ISSUER: 'https://a.example',
            CAIRN_SIGNAL_JWT_AUDIENCE: 'a',
            CAIRN_SIGNAL_MAX_HEADER_BYTES: '16384',
          },
        }),
      );
      expect(fault).toMatch(/^--max-jwt-bytes does not fit into CAIRN_SIGNAL_MAX_HEADER_BYTES: /);
    });

    it('does not matter without JWTs', () => {
      expect(parseSettings({ maxHeaderBytes: 8192 }).maxHeaderBytes).toBe(8192);
    });
  });

  it.each([
    ['maxMessageBytes', 'from 1024 to 67108864', ['1024', '67108864'], ['1023', '67108865']],
    ['handshakeTimeout', 'from 100ms to 10m', ['100ms', '10m'], ['99ms', '600001ms']],
    ['keepAliveTimeout', 'from 100ms to 1h', ['100ms', '1h'], ['99ms', '3600001ms']],
    ['maxJwtBytes', 'from 1024 to 131072', ['1024', '131072'], ['1023', '131073']],
    ['maxHeaderBytes', 'from 8192 to 262144', ['8192', '262144'], ['8191', '262145']],
    ['drainTimeout', 'from 0s to 1h', ['0s', '1h'], ['3600001ms', '61m']],
  ] as const)('%s is %s: at the limits, not one past them', (name, range, within, outside) => {
    for (const text of within) expect(() => parseSettings({ [name]: text })).not.toThrow();
    for (const text of outside) {
      expect(faultsOf(() => parseSettings({ [name]: text }))).toEqual([
        expect.stringMatching(`^${name} "${text}": expected a .* ${range}`),
      ]);
    }
  });
});

describe('settings of an embedding program', () => {
  it('are validated in the same way, numbers included', () => {
    expect(parseSettings({ maxMessageBytes: 2048, listenAddr: '127.0.0.1:0' })).toEqual({
      ...DEFAULTS,
      maxMessageBytes: 2048,
      listenAddr: { host: '127.0.0.1', port: 0 },
    });
  });

  it('are the defaults if they are undefined', () => {
    expect(parseSettings({ listenAddr: undefined, tlsCert: undefined, authToken: undefined })).toEqual(DEFAULTS);
  });

  it('are faults that name the key', () => {
    expect(faultsOf(() => parseSettings({ authToken: 's3cret ', tlsCert: '/c' }))).toEqual([
      'authToken (7 characters): expected visible ASCII characters without spaces around them: an HTTP header carries nothing else',
      'tlsCert is set but tls-key is not: TLS needs both, plaintext neither',
    ]);
  });
});
