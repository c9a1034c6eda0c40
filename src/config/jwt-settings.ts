import {
  claimNames,
  jwtAudiences,
  jwtFiles,
  jwtIssuers,
  keySetUrls,
  requiredClaims,
  tenants,
  tokenTypes,
} from './jwt-values.js';
import { bytes, duration, jwtAlgorithms, onOff } from './values.js';

/** The part of the table of settings that is about JWTs: their issuers and keys, and what a token must be. */
export const jwtSettings = {
  jwtIssuer: jwtIssuers.optional().meta({
    about:
      'Issuers whose JWTs open the server, as in the claim iss. Needs jwt-audience. ' +
      'OpenID Connect Discovery finds their keys, unless jwt-jwks-url or jwt-public-key says where they are. ' +
      '{tenantid} in a name stands for each jwt-tenant. spiffe://DOMAIN is a SPIFFE trust domain, whose JWT-SVIDs count.',
  }),
  jwtAudience: jwtAudiences.optional().meta({
    about:
      'Names of this service. The claim aud of a JWT must hold one, so that tokens for other services do not open it.',
  }),
  jwtJwksUrl: keySetUrls.optional().meta({
    about:
      'Addresses of the keys of the issuers (JSON Web Key Sets). ' +
      'Without an issuer before them: one for each jwt-issuer, in the same order.',
  }),
  jwtPublicKey: jwtFiles.optional().meta({
    about:
      'File of public keys of an issuer: PEM ("BEGIN PUBLIC KEY"), or a JSON Web Key Set or SPIFFE bundle. ' +
      'It may hold several while keys change over. Read again when it changes.',
  }),
  jwtAlgorithms: jwtAlgorithms
    .prefault('RS256,PS256,ES256,EdDSA,Ed25519')
    .meta({ about: 'Algorithms that a JWT may be signed with. Only algorithms with public keys are possible.' }),
  jwtPrincipalClaim: claimNames.prefault('sub').meta({
    about: 'Claim of a JWT that names its bearer. The principal is the issuer, followed by the value of this claim.',
  }),
  jwtTenant: tenants.optional().meta({
    about: 'Tenants that {tenantid} in the name of an issuer stands for, by their ids. No other tenant may connect.',
  }),
  jwtAudienceClaim: claimNames.prefault('aud').meta({
    about:
      'Claim that must hold a jwt-audience in place of aud, for issuers whose access tokens have no aud, ' +
      'such as client_id or azp. An aud that is there must hold one too.',
  }),
  jwtRequireClaim: requiredClaims.optional().meta({
    about:
      'Claims that a JWT must have, such as repository_owner=acme. A list must contain the value. A path such as ' +
      'realm_access.roles=peer leads into a claim. ' +
      'Of several values for one claim any will do; of several claims, all must be there.',
  }),
  jwtTyp: tokenTypes.optional().meta({
    about:
      'Types of JWTs that open the server, as in their header typ; JWT also stands for none. ' +
      'By default JWT and at+jwt. With at+jwt alone, only marked access tokens (RFC 9068) do.',
  }),
  jwtAllowIdTokens: jwtIssuers.prefault('https://accounts.google.com').meta({
    about: 'Issuers whose ID tokens open the server as well. By default those of Google, which has no other JWTs.',
  }),
  jwtJwksTokenFile: jwtFiles.optional().meta({
    about:
      'File of a bearer token to show where the keys of an issuer, and their address, are fetched, ' +
      'as a Kubernetes API server wants. Read again for every fetch.',
  }),
  jwtAllowHttp: jwtIssuers.optional().meta({
    about:
      'Issuers whose keys may be fetched over http:, not only on loopback. ' +
      'Whoever is on the way there can replace the keys, and so let anyone in.',
  }),
  jwtClockTolerance: duration('0s', '5m').prefault('5s').meta({
    about: 'How far the clocks of an issuer and of this server may differ. Applies to the claims exp and nbf.',
  }),
  jwtExpiryCloses: onOff.prefault('on').meta({
    about:
      'Whether the expiry of a JWT closes the connections that used it, with 4001. An expired one never opens any.',
  }),
  maxJwtBytes: bytes(1024, 128 * 1024)
    .prefault(8192)
    .meta({
      about:
        "Longest JWT. 8192 bytes have room for about 82 of cairn's topics in the claim topics, or 222 digests in " +
        'topics_sha256. max-header-bytes must be at least four thirds of it, for the subprotocol of browsers, and 2048 ' +
        'bytes more.',
    }),
};
