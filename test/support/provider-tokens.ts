import type { JWTPayload } from 'jose';

/** Settings of one issuer, without the issuer before their values. */
export interface IssuerInput {
  readonly jwtTenant?: readonly string[];
  readonly jwtAudience: readonly string[];
  readonly jwtAudienceClaim?: readonly string[];
  readonly jwtRequireClaim?: readonly string[];
  readonly jwtTyp?: readonly string[];
  readonly jwtPrincipalClaim?: readonly string[];
}

/** Claims that differ from those of the token; undefined for one that is left out. */
export type Changes = Readonly<Record<string, unknown>>;

/** An access token as a provider issues it: header and claims, which the test signs. Times are added there. */
export interface ProviderToken {
  readonly provider: string;
  /** Where the shape comes from. */
  readonly from: string;
  /** As `jwt-issuer` lists it. */
  readonly issuer: string;
  readonly settings: IssuerInput;
  /** Besides `alg` and `kid`. */
  readonly header: { readonly typ?: string; readonly [name: string]: unknown };
  readonly claims: JWTPayload;
  readonly principal: string;
  /** What must not open the server: claims that differ (undefined: left out), maybe the header, and the reason. */
  readonly refused: readonly (readonly [
    what: string,
    claims: Changes,
    reason: string,
    header?: { readonly typ: string },
  ])[];
}

const TENANT = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490';
const PARTNER = '3338040d-6c67-4c5b-b112-36a304b66dad';
const STRANGER = '9188040d-6c67-4c5b-b112-36a304b66dad';
const API = '6e74172b-be56-4843-9ff4-e66a39bb12e3';

/** Microsoft identity platform, "Access token claims reference", version 2.0: of an application that acts for a user. */
const ENTRA_V2 = {
  aud: API,
  iss: `https://login.microsoftonline.com/${TENANT}/v2.0`,
  aio: 'AXQAi/8IAAAAtAaZLo3ChMif6KOnttRB7eBq4/DccQzjcJGxPYy/C3jDaNGxXd6wNIIVGRghNRnwJ1lOcAnNZcjvkoyrFxCttv33140RioOFJ4bCCGVuoCag1uOTT22222gHwLPYQ',
  azp: API,
  azpacr: '0',
  name: 'Alice Lange',
  oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
  preferred_username: 'alice@acme.example',
  rh: '0.ARoA9Rx5Y8o1.',
  scp: 'Signal.Connect Signal.Read',
  sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
  tid: TENANT,
  uti: 'fqiBqXLPj0eQa82S-IYFAA',
  ver: '2.0',
};

export const PROVIDER_TOKENS: readonly ProviderToken[] = [
  {
    provider: 'GitHub Actions',
    from: 'The example in "OpenID Connect reference" of the documentation of GitHub Actions, section "OIDC token claims".',
    issuer: 'https://token.actions.githubusercontent.com',
    settings: { jwtAudience: ['cairn-signal'], jwtRequireClaim: ['repository_owner=acme'] },
    header: { typ: 'JWT', x5t: 'example-thumbprint' },
    claims: {
      jti: 'example-id',
      sub: 'repo:acme/signal:environment:prod',
      environment: 'prod',
      aud: 'cairn-signal',
      ref: 'refs/heads/main',
      sha: 'example-sha',
      repository: 'acme/signal',
      repository_owner: 'acme',
      actor_id: '12',
      repository_visibility: 'private',
      repository_id: '74',
      repository_owner_id: '65',
      run_id: 'example-run-id',
      run_number: '10',
      run_attempt: '2',
      runner_environment: 'github-hosted',
      actor: 'alice',
      workflow: 'example-workflow',
      head_ref: '',
      base_ref: '',
      event_name: 'workflow_dispatch',
      ref_type: 'branch',
      job_workflow_ref: 'acme/automation/.github/workflows/oidc.yml@refs/heads/main',
      iss: 'https://token.actions.githubusercontent.com',
    },
    principal: 'https://token.actions.githubusercontent.com|repo:acme/signal:environment:prod',
    refused: [
      [
        'of another owner',
        { repository_owner: 'mallory', sub: 'repo:mallory/signal:ref:refs/heads/main' },
        'token_claim',
      ],
      ['of an owner whose name begins the same', { repository_owner: 'acme-2' }, 'token_claim'],
      ['of an owner in other letters', { repository_owner: 'Acme' }, 'token_claim'],
      ['without an owner', { repository_owner: undefined }, 'token_claim'],
      ['for the audience that GitHub writes by default', { aud: 'https://github.com/acme' }, 'token_audience'],
    ],
  },
  {
    provider: 'GitLab CI',
    from: 'The example payload in "OpenID Connect (OIDC) authentication using ID tokens" of the GitLab documentation.',
    issuer: 'https://gitlab.com',
    settings: { jwtAudience: ['cairn-signal'], jwtRequireClaim: ['namespace_path=acme', 'ref_protected=true'] },
    header: { typ: 'JWT' },
    claims: {
      namespace_id: '72',
      namespace_path: 'acme',
      project_id: '20',
      project_path: 'acme/signal',
      user_id: '1',
      user_login: 'alice',
      user_email: 'alice@acme.example',
      user_identities: [{ provider: 'github', extern_uid: '2435223452345' }],
      pipeline_id: '574',
      pipeline_source: 'push',
      job_id: '302',
      ref: 'main',
      ref_type: 'branch',
      ref_path: 'refs/heads/main',
      ref_protected: 'true',
      groups_direct: ['acme', 'acme/operations'],
      environment: 'prod',
      environment_protected: 'false',
      runner_id: 1,
      runner_environment: 'self-hosted',
      sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
      ci_config_ref_uri: 'gitlab.com/acme/signal//.gitlab-ci.yml@refs/heads/main',
      jti: '235b3a54-b797-45c7-ae9a-f72d7bc6ef5b',
      iss: 'https://gitlab.com',
      sub: 'project_path:acme/signal:ref_type:branch:ref:main',
      aud: 'cairn-signal',
    },
    principal: 'https://gitlab.com|project_path:acme/signal:ref_type:branch:ref:main',
    refused: [
      ['of another namespace', { namespace_path: 'mallory' }, 'token_claim'],
      ['of a branch that anyone may push to', { ref_protected: 'false' }, 'token_claim'],
    ],
  },
  {
    provider: 'Entra ID, v2.0, for a user',
    from: 'The claims of v2.0 in "Access token claims reference" of the Microsoft identity platform, with its sample values.',
    issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
    settings: { jwtAudience: [API], jwtRequireClaim: ['scp=Signal.Connect'], jwtPrincipalClaim: ['oid'] },
    header: { typ: 'JWT' },
    claims: ENTRA_V2,
    principal: `https://login.microsoftonline.com/${TENANT}/v2.0|690222be-ff1a-4d56-abd1-7e4f7d38e474`,
    refused: [
      ['without scp, as an ID token', { scp: undefined, azp: undefined, azpacr: undefined }, 'token_claim'],
      ['that is an ID token with a nonce', { scp: undefined, azp: undefined, nonce: '12345' }, 'token_type'],
      ['with another scope that begins the same', { scp: 'Signal.ConnectAll' }, 'token_claim'],
      ['of another tenant', { iss: `https://login.microsoftonline.com/${STRANGER}/v2.0` }, 'token_issuer'],
    ],
  },
  {
    provider: 'Entra ID, v1.0, for a service',
    from: 'The claims of v1.0 in "Access token claims reference" of the Microsoft identity platform; app-only tokens have roles.',
    issuer: `https://sts.windows.net/${TENANT}/`,
    settings: { jwtAudience: ['api://cairn-signal'], jwtRequireClaim: ['roles=Signal.Connect'] },
    header: { typ: 'JWT', x5t: 'nOo3ZDrODXEK1jKWhXslHR_KXEg' },
    claims: {
      aud: 'api://cairn-signal',
      iss: `https://sts.windows.net/${TENANT}/`,
      aio: 'E2ZgYLDs',
      appid: 'c44b4083-3bb0-49c1-b47d-974e53cbdf3c',
      appidacr: '1',
      idp: `https://sts.windows.net/${TENANT}/`,
      oid: '52d8bd1a-3a37-4a2c-bd2e-d8f8a4a1b1a2',
      rh: '0.ARoA9Rx5Y8o1.',
      roles: ['Signal.Connect', 'Signal.Publish'],
      sub: '52d8bd1a-3a37-4a2c-bd2e-d8f8a4a1b1a2',
      tid: TENANT,
      uti: 'JHNQ2ZkqTUqG6IeXhJcFAA',
      ver: '1.0',
    },
    principal: `https://sts.windows.net/${TENANT}/|52d8bd1a-3a37-4a2c-bd2e-d8f8a4a1b1a2`,
    refused: [
      ['without roles', { roles: undefined }, 'token_claim'],
      ['with another role', { roles: ['Signal.Publish'] }, 'token_claim'],
      ['with a list in the list', { roles: [['Signal.Connect']] }, 'token_claim'],
    ],
  },
  {
    provider: 'Entra ID, v2.0, of several tenants',
    from: 'The metadata of the "organizations" endpoint name the issuer https://login.microsoftonline.com/{tenantid}/v2.0.',
    issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
    settings: {
      jwtAudience: [API],
      jwtTenant: [TENANT.replace('8', '7'), PARTNER],
      jwtRequireClaim: ['scp=Signal.Connect'],
    },
    header: { typ: 'JWT' },
    claims: { ...ENTRA_V2, iss: `https://login.microsoftonline.com/${PARTNER}/v2.0`, tid: PARTNER },
    principal: `https://login.microsoftonline.com/${PARTNER}/v2.0|${ENTRA_V2.sub}`,
    refused: [
      [
        'of a tenant that is not listed',
        { iss: `https://login.microsoftonline.com/${STRANGER}/v2.0`, tid: STRANGER },
        'token_issuer',
      ],
      ['of no tenant', { iss: 'https://login.microsoftonline.com/{tenantid}/v2.0' }, 'token_issuer'],
      [
        'of a tenant with more behind it',
        { iss: `https://login.microsoftonline.com/${PARTNER}/x/v2.0` },
        'token_issuer',
      ],
    ],
  },
  {
    provider: 'Keycloak',
    from: 'An access token of a Keycloak 26 realm: the client scopes basic, roles, profile and email, and an audience mapper.',
    issuer: 'https://id.acme.example/realms/company',
    settings: { jwtAudience: ['cairn-signal'], jwtRequireClaim: ['realm_access.roles=peer'] },
    header: { typ: 'JWT' },
    claims: {
      auth_time: 1_764_201_600,
      jti: 'onrtac:9c1d4f0e-7a3b-4f0e-8a53-1f1f1c0d5f5a',
      iss: 'https://id.acme.example/realms/company',
      aud: ['cairn-signal', 'account'],
      sub: '5c2f6a8e-0b2a-4d6e-9c39-8a1d6a0f5a11',
      typ: 'Bearer',
      azp: 'portal',
      sid: '2d4f7c1e-1f0b-4b8e-9a51-3a3d5a5e7b21',
      acr: '1',
      // Up to version 24, and by a mapper since.
      nonce: '0f9a1e2c',
      'allowed-origins': ['https://portal.acme.example'],
      realm_access: { roles: ['offline_access', 'peer', 'uma_authorization'] },
      resource_access: { account: { roles: ['manage-account', 'view-profile'] } },
      scope: 'openid profile email',
      email_verified: true,
      preferred_username: 'alice',
    },
    principal: 'https://id.acme.example/realms/company|5c2f6a8e-0b2a-4d6e-9c39-8a1d6a0f5a11',
    refused: [
      ['that is an ID token', { typ: 'ID', at_hash: 'p7Gx0Q', aud: 'cairn-signal', scope: undefined }, 'token_type'],
      ['that is a refresh token', { typ: 'Refresh' }, 'token_type'],
      [
        'that is a logout token',
        { typ: 'Logout', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
        'token_type',
      ],
      ['that is marked as a logout token', {}, 'token_type', { typ: 'logout+jwt' }],
      ['without the role', { realm_access: { roles: ['offline_access'] } }, 'token_claim'],
      ['with the role of a client', { realm_access: undefined, roles: ['peer'] }, 'token_claim'],
    ],
  },
  {
    provider: 'Auth0',
    from: 'The default profile in "Access Token Profiles" of the Auth0 documentation, by the client credentials flow.',
    issuer: 'https://acme.eu.auth0.com/',
    settings: { jwtAudience: ['https://signal.acme.example'], jwtRequireClaim: ['permissions=connect:signal'] },
    header: { typ: 'JWT' },
    claims: {
      iss: 'https://acme.eu.auth0.com/',
      sub: 'my-client@clients',
      aud: 'https://signal.acme.example',
      azp: 'my-client',
      scope: 'connect:signal read:signal',
      gty: 'client-credentials',
      permissions: ['connect:signal', 'read:signal'],
    },
    principal: 'https://acme.eu.auth0.com/|my-client@clients',
    refused: [
      ['without the permission', { permissions: ['read:signal'] }, 'token_claim'],
      [
        'that is an ID token',
        { aud: 'my-client', nonce: 'n-0S6_WzA2Mj', scope: undefined, gty: undefined },
        'token_type',
      ],
    ],
  },
  {
    provider: 'Auth0, profile of RFC 9068',
    from: 'The RFC 9068 profile in "Access Token Profiles" of the Auth0 documentation.',
    issuer: 'https://acme.us.auth0.com/',
    settings: { jwtAudience: ['https://signal.acme.example'], jwtTyp: ['at+jwt'], jwtPrincipalClaim: ['client_id'] },
    header: { typ: 'at+jwt' },
    claims: {
      iss: 'https://acme.us.auth0.com/',
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      aud: ['https://signal.acme.example', 'https://acme.us.auth0.com/userinfo'],
      scope: 'openid connect:signal',
      jti: 'VdHF2hZQ4kVLW3S7',
      client_id: 'my-client',
    },
    principal: 'https://acme.us.auth0.com/|my-client',
    refused: [
      ['that is not marked as an access token', {}, 'token_type', { typ: 'JWT' }],
      ['that is marked as a proof of possession', {}, 'token_type', { typ: 'dpop+jwt' }],
      ['that is marked as a security event', {}, 'token_type', { typ: 'application/secevent+jwt' }],
    ],
  },
  {
    provider: 'Okta',
    from: 'The example in "Access token payload" of the Okta OpenID Connect & OAuth 2.0 API. Its header has no typ.',
    issuer: 'https://acme.okta.com/oauth2/default',
    settings: {
      jwtAudience: ['api://cairn-signal'],
      jwtRequireClaim: ['scp=signal', 'groups=peers', 'groups=operators'],
    },
    header: {},
    claims: {
      ver: 1,
      jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
      iss: 'https://acme.okta.com/oauth2/default',
      aud: 'api://cairn-signal',
      sub: '00ujmkLgagxeRrAg20g3',
      cid: 'nmdP1fcyvdVO11AL7ECm',
      uid: '00ujmkLgagxeRrAg20g3',
      auth_time: 1_764_201_600,
      scp: ['openid', 'signal'],
      groups: ['Everyone', 'operators'],
    },
    principal: 'https://acme.okta.com/oauth2/default|00ujmkLgagxeRrAg20g3',
    refused: [
      [
        'that is an ID token',
        { aud: 'nmdP1fcyvdVO11AL7ECm', scp: undefined, idp: '00o6aeu', amr: ['pwd'], at_hash: 'preview_at_hash' },
        'token_type',
      ],
      ['of none of the groups', { groups: ['Everyone'] }, 'token_claim'],
      ['of the right group, without the scope', { scp: ['openid'] }, 'token_claim'],
    ],
  },
  {
    provider: 'Google',
    from: 'The payload of an ID token in "OpenID Connect" of Google Identity; its access tokens are no JWTs.',
    issuer: 'https://accounts.google.com',
    settings: {
      jwtAudience: ['https://signal.acme.example'],
      jwtRequireClaim: ['hd=acme.example', 'email_verified=true'],
    },
    header: { typ: 'JWT' },
    claims: {
      iss: 'https://accounts.google.com',
      azp: '1234987819200.apps.googleusercontent.com',
      aud: 'https://signal.acme.example',
      sub: '10769150350006150715113082367',
      at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q',
      hd: 'acme.example',
      email: 'alice@acme.example',
      email_verified: true,
    },
    principal: 'https://accounts.google.com|10769150350006150715113082367',
    refused: [
      ['of another domain', { hd: 'mallory.example' }, 'token_claim'],
      ['of a private account', { hd: undefined }, 'token_claim'],
      ['of an address that nobody verified', { email_verified: false }, 'token_claim'],
    ],
  },
  {
    provider: 'Amazon Cognito',
    from: 'The payload in "Understanding the access token" of the Amazon Cognito developer guide: no aud, no typ.',
    issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE',
    settings: {
      jwtAudience: ['1example23456789'],
      jwtAudienceClaim: ['client_id'],
      jwtRequireClaim: ['token_use=access', 'cognito:groups=peers'],
    },
    header: {},
    claims: {
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      'cognito:groups': ['peers'],
      iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE',
      version: 2,
      client_id: '1example23456789',
      origin_jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      token_use: 'access',
      scope: 'aws.cognito.signin.user.admin',
      auth_time: 1_764_201_600,
      jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      username: 'alice',
    },
    principal: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE|aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
    refused: [
      ['of another client', { client_id: '2example98765432' }, 'token_audience'],
      ['of no client', { client_id: undefined }, 'token_audience'],
      ['whose aud names another service', { aud: 'https://other.acme.example' }, 'token_audience'],
      [
        'that is an ID token',
        { client_id: undefined, scope: undefined, aud: '1example23456789', token_use: 'id', at_hash: 'abc' },
        'token_type',
      ],
    ],
  },
  {
    provider: 'Clerk',
    from: 'The claims of version 2 in "Session tokens" of the Clerk documentation: azp is the origin, and there is no aud.',
    issuer: 'https://clerk.acme.example',
    settings: {
      jwtAudience: ['https://app.acme.example', 'https://admin.acme.example'],
      jwtAudienceClaim: ['azp'],
      jwtRequireClaim: ['o.slg=acme'],
    },
    header: { typ: 'JWT', cat: 'cl_B7d4PD111AAA' },
    claims: {
      azp: 'https://app.acme.example',
      fva: [0, -1],
      iss: 'https://clerk.acme.example',
      o: { id: 'org_123', per: 'read', rol: 'admin', slg: 'acme' },
      sid: 'sess_123',
      sts: 'active',
      sub: 'user_123',
      v: 2,
    },
    principal: 'https://clerk.acme.example|user_123',
    refused: [
      ['of another origin', { azp: 'https://mallory.example' }, 'token_audience'],
      ['of no origin', { azp: undefined }, 'token_audience'],
      ['of another organization', { o: { id: 'org_124', rol: 'admin', slg: 'mallory' } }, 'token_claim'],
    ],
  },
  {
    provider: 'Kubernetes service account',
    from: 'A projected token as in "Managing Service Accounts" of the Kubernetes documentation, version 1.32. No typ.',
    issuer: 'https://kubernetes.default.svc.cluster.local',
    settings: { jwtAudience: ['cairn-signal'], jwtRequireClaim: ['kubernetes.io.namespace=peers'] },
    header: {},
    claims: {
      aud: ['cairn-signal'],
      iss: 'https://kubernetes.default.svc.cluster.local',
      jti: '4e2a6d1c-7d1f-4f1c-9a25-1c1d3f5e7a90',
      'kubernetes.io': {
        namespace: 'peers',
        node: { name: 'node-1', uid: '6a2b' },
        pod: { name: 'relay-6c9d', uid: 'a1b2' },
        serviceaccount: { name: 'relay', uid: 'c3d4' },
        warnafter: 1_764_205_207,
      },
      sub: 'system:serviceaccount:peers:relay',
    },
    principal: 'https://kubernetes.default.svc.cluster.local|system:serviceaccount:peers:relay',
    refused: [
      ['for the API server', { aud: ['https://kubernetes.default.svc.cluster.local'] }, 'token_audience'],
      ['of another namespace', { 'kubernetes.io': { namespace: 'default' } }, 'token_claim'],
    ],
  },
  {
    provider: 'Zitadel',
    from: 'The claims in "Claims" of the Zitadel documentation; roles are objects by role and organization.',
    issuer: 'https://acme.zitadel.cloud',
    settings: {
      jwtAudience: ['239520764276179201'],
      jwtRequireClaim: ['urn:zitadel:iam:org:project:roles.peer.177375102943183111=acme.zitadel.cloud'],
    },
    header: { typ: 'JWT' },
    claims: {
      aud: ['239520764779560193@signal', '239520764276179201'],
      client_id: '239520764779560193@signal',
      iss: 'https://acme.zitadel.cloud',
      jti: '239520806009421057',
      sub: '170848145649959169',
      'urn:zitadel:iam:org:project:roles': { peer: { '177375102943183111': 'acme.zitadel.cloud' } },
    },
    principal: 'https://acme.zitadel.cloud|170848145649959169',
    refused: [
      ['without a role', { 'urn:zitadel:iam:org:project:roles': {} }, 'token_claim'],
      [
        'with the role in another organization',
        { 'urn:zitadel:iam:org:project:roles': { peer: { '1': 'mallory.zitadel.cloud' } } },
        'token_claim',
      ],
    ],
  },
  {
    provider: 'Authentik',
    from: 'What authentik/providers/oauth2/id_token.py writes into an access token (to_access_token), with the scope profile.',
    issuer: 'https://auth.acme.example/application/o/signal/',
    settings: {
      jwtAudience: ['Zx8Vb1kQ'],
      jwtRequireClaim: ['groups=peers'],
      jwtPrincipalClaim: ['preferred_username'],
    },
    header: { typ: 'JWT' },
    claims: {
      iss: 'https://auth.acme.example/application/o/signal/',
      sub: '0c1f2d1b7f2d4a8a9d8b5f9a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e',
      aud: 'Zx8Vb1kQ',
      auth_time: 1_764_201_600,
      acr: 'goauthentik.io/providers/oauth2/default',
      amr: ['pwd'],
      sid: 'f1d2d2f924e986ac86fdf7b36c94bcdf32beec15',
      preferred_username: 'alice',
      groups: ['authentik Admins', 'peers'],
      azp: 'Zx8Vb1kQ',
      uid: 'jG7zKxwQ',
    },
    principal: 'https://auth.acme.example/application/o/signal/|alice',
    refused: [
      ['that is an ID token', { azp: undefined, uid: undefined, at_hash: 'mNkYq', nonce: 'n-0S6' }, 'token_type'],
      ['of none of the groups', { groups: ['authentik Admins'] }, 'token_claim'],
    ],
  },
  {
    provider: 'SPIFFE JWT-SVID',
    from: 'JWT-SVID of the SPIFFE standards, sections 2 and 3, as "spire-agent api fetch jwt" prints it: no iss.',
    issuer: 'spiffe://acme.example',
    settings: { jwtAudience: ['spiffe://acme.example/cairn-signal'] },
    header: { typ: 'JWT' },
    claims: {
      aud: ['spiffe://acme.example/cairn-signal'],
      sub: 'spiffe://acme.example/ns/peers/sa/relay',
    },
    principal: 'spiffe://acme.example/ns/peers/sa/relay',
    refused: [
      ['of another trust domain', { sub: 'spiffe://mallory.example/ns/peers/sa/relay' }, 'token_issuer'],
      ['of a trust domain in capitals', { sub: 'spiffe://ACME.example/ns/peers/sa/relay' }, 'token_issuer'],
      ['of the trust domain itself', { sub: 'spiffe://acme.example' }, 'token_issuer'],
      ['whose path leads elsewhere', { sub: 'spiffe://acme.example/ns/../admin' }, 'token_issuer'],
      ['for another service', { aud: ['spiffe://acme.example/ledger'] }, 'token_audience'],
      ['for nobody', { aud: undefined }, 'token_audience'],
      ['of a type that no SVID has', {}, 'token_type', { typ: 'at+jwt' }],
    ],
  },
];
