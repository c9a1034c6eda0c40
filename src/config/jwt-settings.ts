import { claimNames, jwtFiles, jwtIssuers, requiredClaims, tenants, tokenTypes } from './jwt-values.js';

/** Settings of what an issuer's JWTs must be, and of how its keys are fetched: a part of the table in settings.ts. */
export const issuerSettings = {
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
};
