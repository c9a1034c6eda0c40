#!/usr/bin/env node
// The server with tokens of an OpenID Connect provider: who gets in, who is told why not, and what happens when a token
// ends.
import { connectWith, listenOn, refused, tell } from '../peers.mjs';
import { expect } from '../promised.mjs';
import { startServer } from '../server.mjs';
import { startProvider } from './provider.mjs';

const provider = await startProvider();
// A tolerance, 5 s by default, would only slow this down.
const server = await startServer(
  [
    '--jwt-issuer',
    provider.issuer,
    '--jwt-audience',
    'cairn-signal',
    '--jwt-principal-claim',
    'client_id',
    '--jwt-require-claim',
    'realm_access.roles=peer',
    '--jwt-clock-tolerance',
    '0s',
  ],
  { RUST_LOG: 'debug' },
);

/**
 * Gets a token as any service does: asks the provider for its token endpoint, and that for a token, with name and
 * secret.
 */
async function tokenFor(client) {
  const { token_endpoint: endpoint } = await (
    await fetch(`${provider.issuer}/.well-known/openid-configuration`)
  ).json();
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client,
    client_secret: `${client}-secret`,
  });
  const { access_token: token } = await (await fetch(endpoint, { method: 'POST', body })).json();
  return token;
}
const bearing = (token) => connectWith({ url: server.url, token });
const refusedTo = (token) => refused({ url: server.url, token });
const said = ({ status, sentence }) => `${status} ${sentence}`;

// This comes first, because the token must expire while the rest runs.
const brief = await tokenFor('courier');
const courier = await bearing(brief);
expect('a token of 4 seconds lets in', courier.signal.state === 'open');

const [orders, billing] = await Promise.all(
  ['orders', 'billing'].map(async (client) => (await bearing(await tokenFor(client))).signal),
);
expect(
  'two services connect with tokens of their own',
  [orders, billing].every(({ state }) => state === 'open'),
);
const { principal } = await server.log.line(
  ({ msg, principal: who }) => msg === 'connected' && who?.endsWith('|billing'),
);
expect(`the server knows them by issuer and client: ${principal}`, principal === `${provider.issuer}|billing`);

const invoices = await listenOn(billing, 'invoices');
await tell(await listenOn(orders, 'invoices'), invoices, 'order 1 is paid');
expect('one relays to the other', invoices.heard.join() === 'order 1 is paid');

const without = await refusedTo(undefined);
expect(
  `without a token: ${said(without)}`,
  without.status === 401 && without.sentence.includes('needs a bearer token'),
);
const elsewhere = await refusedTo(await tokenFor('reporting'));
expect(
  `with a token for another service: ${said(elsewhere)}`,
  elsewhere.status === 401 && elsewhere.sentence === 'This token is for another service.',
);

const guest = await refusedTo(await tokenFor('guest'));
expect(
  `with a token without the role: ${said(guest)}`,
  guest.status === 401 && guest.sentence.startsWith('The claim realm_access.roles of this token holds no value'),
);

const { signal: lamp } = await bearing(await tokenFor('lamp'));
const light = await listenOn(billing, 'lamp');
await tell(await listenOn(lamp, 'lamp'), light, 'light');
const other = await listenOn(lamp, 'other').catch((error) => error);
expect(
  `whose token has the claim "topics" uses those and no other: ${other.message}`,
  light.heard.join() === 'light' && other.code === 'forbidden',
);

const before = await tokenFor('orders');
provider.realm.changeKeys();
const after = await tokenFor('orders');
const [old, renewed] = await Promise.all([before, after].map(bearing));
const kidOf = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;
expect(
  'the provider signs with its next key: new tokens are good, and old ones still',
  kidOf(before) !== kidOf(after) && [old, renewed].every(({ signal }) => signal.state === 'open'),
);

const { code, reason } = await courier.ended;
expect(`when its token ends, so does the connection: ${code} ${reason}`, code === 4001);
const expired = await refusedTo(brief);
expect(
  `with that token again: ${said(expired)}`,
  expired.status === 401 && expired.sentence === 'This token has expired.',
);

const [status] = await server.stop();
expect('the server stops', status === 0);
provider.stop();
