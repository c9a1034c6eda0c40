#!/usr/bin/env node
// An OpenID Connect provider that looks like a Keycloak realm to services: discovery, keys, and tokens through the
// client credentials grant. For tests on loopback only: it keeps everything in memory, and its secrets are in this
// source.
//   node examples/oidc/provider.mjs [PORT]
import { randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/**
 * The clients that an administrator of the realm has set up: the secret, the lifespan of the tokens in seconds, the
 * roles of the realm, and the claims that mappers add.
 */
const CLIENTS = {
  orders: { secret: 'orders-secret', claims: { aud: 'cairn-signal' } },
  billing: { secret: 'billing-secret', claims: { aud: ['cairn-signal', 'ledger'] } },
  lamp: { secret: 'lamp-secret', claims: { aud: 'cairn-signal', topics: ['lamp'] } },
  reporting: { secret: 'reporting-secret', claims: { aud: 'ledger' } },
  guest: { secret: 'guest-secret', roles: ['guest'], claims: { aud: 'cairn-signal' } },
  courier: { secret: 'courier-secret', lifespan: 4, claims: { aud: 'cairn-signal' } },
};
const LIFESPAN = 300;
/** The roles of the realm that a client has by default. */
const ROLES = ['peer'];
const MOST_BYTES = 4096;

/**
 * One realm of the provider. Owns its keys. Does not know HTTP responses. Invariant: the first key signs tokens, and
 * all keys are published.
 */
class Realm {
  #keys = [];
  /** Keycloak has a user for every service. The id of that user is the subject. */
  #subjects = new Map(Object.keys(CLIENTS).map((id) => [id, randomUUID()]));

  constructor(issuer) {
    this.issuer = issuer;
  }

  /** Adds a key. It is published immediately, and signs only after `changeKeys`. */
  async addKey() {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const kid = randomUUID();
    this.#keys.push({ kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } });
  }

  /** Signs with the next key from now on. Tokens that the last key signed stay valid. */
  changeKeys() {
    this.#keys.push(this.#keys.shift());
  }

  get keys() {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /** OpenID Connect Discovery 1.0, section 3. */
  get metadata() {
    const { issuer } = this;
    const at = (what) => `${issuer}/protocol/openid-connect/${what}`;
    return {
      issuer,
      token_endpoint: at('token'),
      jwks_uri: at('certs'),
      grant_types_supported: ['client_credentials'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
  }

  /** Gives a service a token in its own name (RFC 6749, section 4.4). Resolves to status and body. */
  async token(form, authorization) {
    const [id, secret] = basic(authorization) ?? [form.get('client_id'), form.get('client_secret')];
    const client = Object.hasOwn(CLIENTS, id ?? '') ? CLIENTS[id] : undefined;
    if (client === undefined || !same(client.secret, secret ?? '')) {
      return [401, { error: 'unauthorized_client', error_description: 'Invalid client or Invalid client credentials' }];
    }
    if (form.get('grant_type') !== 'client_credentials') {
      return [400, { error: 'unsupported_grant_type', error_description: 'Unsupported grant_type' }];
    }
    const { lifespan = LIFESPAN, roles = ROLES, claims } = client;
    const [{ kid, privateKey }] = this.#keys;
    const token = new SignJWT({
      typ: 'Bearer',
      azp: id,
      client_id: id,
      realm_access: { roles },
      preferred_username: `service-account-${id}`,
      ...claims,
    });
    token
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
      .setIssuer(this.issuer)
      .setSubject(this.#subjects.get(id))
      .setJti(randomUUID());
    token.setIssuedAt().setExpirationTime(`${lifespan} s`);
    return [200, { access_token: await token.sign(privateKey), expires_in: lifespan, token_type: 'Bearer' }];
  }

  async answer(request) {
    const { pathname } = new URL(request.url, this.issuer);
    const { pathname: base } = new URL(this.issuer);
    const what = pathname.startsWith(`${base}/`) ? `${request.method} ${pathname.slice(base.length)}` : '';
    if (what === 'GET /.well-known/openid-configuration') return [200, this.metadata];
    if (what === 'GET /protocol/openid-connect/certs') return [200, this.keys];
    if (what === 'POST /protocol/openid-connect/token') {
      return this.token(await formOf(request), request.headers.authorization);
    }
    return [404, { error: 'HTTP 404 Not Found' }];
  }
}

async function formOf(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) if ((text += chunk).length > MOST_BYTES) break;
  return new URLSearchParams(text.slice(0, MOST_BYTES));
}

/** Client and secret from HTTP Basic, both form-encoded (RFC 6749, section 2.3.1). */
function basic(authorization = '') {
  const [, encoded] = /^basic (.+)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  const [id, ...secret] = Buffer.from(encoded, 'base64').toString().split(':');
  const form = new URLSearchParams(`id=${id}&secret=${secret.join(':')}`);
  return [form.get('id'), form.get('secret')];
}

function same(secret, shown) {
  const [a, b] = [Buffer.from(secret), Buffer.from(shown)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Starts the realm "company" on loopback, with a key that signs and the next one. */
export async function startProvider(port = 0) {
  const server = createServer((request, response) => {
    const send = ([status, body]) =>
      response
        .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
        .end(JSON.stringify(body));
    realm.answer(request).then(send, () => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const realm = new Realm(`http://127.0.0.1:${server.address().port}/realms/company`);
  await Promise.all([realm.addKey(), realm.addKey()]);
  return { realm, issuer: realm.issuer, stop: () => (server.close(), server.closeAllConnections()) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { issuer } = await startProvider(Number(process.argv[2] ?? 8081));
  console.log(`the realm is ${issuer}; Ctrl-C stops it. To get a token:
  curl -s ${issuer}/protocol/openid-connect/token \\
    -d grant_type=client_credentials -d client_id=orders -d client_secret=orders-secret`);
}
