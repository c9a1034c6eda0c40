#!/usr/bin/env node
// The server with tokens of an OpenID Connect provider: who gets in, who is told why not, and what happens when a token
// ends.
import { payloadOf, Peer, settle } from '../peer.mjs';
import { expect, startServer } from '../server.mjs';
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
const bearing = (token) => ({ headers: { authorization: `Bearer ${token}` } });
const connectWith = (token) => Peer.connect(server.url, bearing(token));
const said = ({ status, body }) => `${status} ${body.trim()}`;

// This comes first, because the token must expire while the rest runs.
const brief = await tokenFor('courier');
const courier = await connectWith(brief);
expect('a token of 4 seconds lets in', courier.isOpen);

const [orders, billing] = await Promise.all(
  ['orders', 'billing'].map(async (client) => connectWith(await tokenFor(client))),
);
expect(
  'two services connect with tokens of their own',
  [orders, billing].every(({ isOpen }) => isOpen),
);
const { principal } = await server.log.line(
  ({ msg, principal: who }) => msg === 'connected' && who?.endsWith('|billing'),
);
expect(`the server knows them by issuer and client: ${principal}`, principal === `${provider.issuer}|billing`);

const heardByBilling = () => billing.received.map(payloadOf).join();
billing.subscribe('invoices');
await billing.sync();
orders.relay('invoices', 'order 1 is paid');
await settle([orders], [billing]);
expect('one relays to the other', heardByBilling() === 'order 1 is paid');

const without = await Peer.refused(server.url);
expect(`without a token: ${said(without)}`, without.status === 401 && without.body.includes('needs a bearer token'));
const elsewhere = await Peer.refused(server.url, bearing(await tokenFor('reporting')));
expect(
  `with a token for another service: ${said(elsewhere)}`,
  elsewhere.status === 401 && elsewhere.body.trim() === 'This token is for another service.',
);

const guest = await Peer.refused(server.url, bearing(await tokenFor('guest')));
expect(
  `with a token without the role: ${said(guest)}`,
  guest.status === 401 && guest.body.startsWith('The claim realm_access.roles of this token holds no value'),
);

const lamp = await connectWith(await tokenFor('lamp'));
for (const topic of ['lamp', 'other']) billing.subscribe(topic);
await billing.sync();
lamp.relay('other', 'not for me');
lamp.relay('lamp', 'light');
await settle([lamp], [billing]);
expect('whose token has the claim "topics" uses those and no other', heardByBilling() === 'order 1 is paid,light');

const before = await tokenFor('orders');
provider.realm.changeKeys();
const after = await tokenFor('orders');
const [old, renewed] = await Promise.all([before, after].map(connectWith));
const kidOf = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;
expect(
  'the provider signs with its next key: new tokens are good, and old ones still',
  kidOf(before) !== kidOf(after) && [old, renewed].every(({ isOpen }) => isOpen),
);

const { code, reason } = await courier.closed;
expect(`when its token ends, so does the connection: ${code} ${reason}`, code === 4001);
const expired = await Peer.refused(server.url, bearing(brief));
expect(
  `with that token again: ${said(expired)}`,
  expired.status === 401 && expired.body.trim() === 'This token has expired.',
);

const [status] = await server.stop();
expect('the server stops', status === 0);
provider.stop();
