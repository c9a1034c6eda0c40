#!/usr/bin/env node
// The server with tokens of an OpenID Connect provider: who gets in, who is told why not, and what happens when a token ends.
import { once } from 'node:events';
import { connect, expect, heard, relay, settled, startServer, subscribe } from '../peer.mjs';
import { startProvider } from './provider.mjs';

const provider = await startProvider();
// The tolerance, 5 s by default, would only make this take longer.
const server = await startServer(
  [
    '--jwt-issuer',
    provider.issuer,
    '--jwt-audience',
    'cairn-signal',
    '--jwt-principal-claim',
    'client_id',
    '--jwt-clock-tolerance',
    '0s',
  ],
  { RUST_LOG: 'debug' },
);

/** As any service does: it asks the provider where tokens are, and there for one, with its name and secret. */
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
const connectWith = (token) => connect(server.url, { headers: { authorization: `Bearer ${token}` } });
const said = ({ status, text }) => `${status} ${text}`;

// First, since it has to end while the rest goes on.
const brief = await tokenFor('courier');
const courier = await connectWith(brief);
expect('a token of 4 seconds lets in', courier.readyState === courier.OPEN);
const closed = once(courier, 'close');

const [orders, billing] = await Promise.all(
  ['orders', 'billing'].map(async (client) => connectWith(await tokenFor(client))),
);
expect(
  'two services connect with tokens of their own',
  [orders, billing].every(({ readyState, OPEN }) => readyState === OPEN),
);
const { principal } = await server.log.line(
  ({ msg, principal: who }) => msg === 'connected' && who?.endsWith('|billing'),
);
expect(`the server knows them by issuer and client: ${principal}`, principal === `${provider.issuer}|billing`);

const received = heard(billing);
subscribe(billing, 'invoices');
await settled(billing);
relay(orders, 'invoices', 'order 1 is paid');
await settled(orders);
await settled(billing);
expect('one relays to the other', received.join() === 'order 1 is paid');

const without = await connect(server.url);
expect(`without a token: ${said(without)}`, without.status === 401 && without.text.includes('needs a bearer token'));
const elsewhere = await connectWith(await tokenFor('reporting'));
expect(
  `with a token for another service: ${said(elsewhere)}`,
  elsewhere.status === 401 && elsewhere.text === 'This token is for another service.',
);

const lamp = await connectWith(await tokenFor('lamp'));
for (const topic of ['lamp', 'other']) subscribe(billing, topic);
await settled(billing);
relay(lamp, 'other', 'not for me');
relay(lamp, 'lamp', 'light');
await settled(lamp);
await settled(billing);
expect('whose token has the claim "topics" uses those and no other', received.join() === 'order 1 is paid,light');

const before = await tokenFor('orders');
provider.realm.changeKeys();
const after = await tokenFor('orders');
const [old, renewed] = await Promise.all([before, after].map(connectWith));
const kidOf = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;
expect(
  'the provider signs with its next key: new tokens are good, and old ones still',
  kidOf(before) !== kidOf(after) && [old, renewed].every(({ readyState, OPEN }) => readyState === OPEN),
);

const [code, reason] = await closed;
expect(`when its token ends, so does the connection: ${code} ${reason}`, code === 4001);
const expired = await connectWith(brief);
expect(`with that token again: ${said(expired)}`, expired.status === 401 && expired.text === 'This token has expired.');

const [status] = await server.stop();
expect('the server ends', status === 0);
provider.stop();
