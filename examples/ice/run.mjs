#!/usr/bin/env node
// The server with TURN servers of Cloudflare and of Twilio, which a stand-in on loopback plays: what peers are told, how
// seldom the service is asked, and what happens while it is down.
import { fileURLToPath } from 'node:url';
import { connectWith } from '../peers.mjs';
import { expect } from '../promised.mjs';
import { startServer } from '../server.mjs';
import { CLOUDFLARE, startStandIn, TWILIO } from './stand-in.mjs';

const standIn = await startStandIn();
const provider = (name) => fileURLToPath(new URL(`${name}.js`, import.meta.url));
const TOKEN = 'let-me-in';
const headers = { authorization: `Bearer ${TOKEN}` };

const ACCOUNTS = {
  cloudflare: {
    CLOUDFLARE_TURN_API: standIn.url,
    CLOUDFLARE_TURN_KEY_ID: CLOUDFLARE.key,
    CLOUDFLARE_TURN_KEY_API_TOKEN: CLOUDFLARE.token,
  },
  twilio: { TWILIO_API: standIn.url, TWILIO_ACCOUNT_SID: TWILIO.account, TWILIO_AUTH_TOKEN: TWILIO.token },
};

const serve = (name, environment) =>
  startServer(['--auth-token', TOKEN, '--turn-ttl', '10m', '--ice-provider', provider(name)], environment);
const askOverHttp = ({ url }) => fetch(`${url.replace('ws', 'http')}/ice`, { headers });

for (const [name, environment] of Object.entries(ACCOUNTS)) {
  standIn.asked = 0;
  const server = await serve(name, environment);

  const { signal } = await connectWith({ url: server.url, token: TOKEN });
  const servers = await signal.iceServers();
  const urls = servers.flatMap((entry) => entry.urls);
  expect(`${name}: a peer is told of ${urls.length} URLs`, urls.length >= 4);
  expect(`${name}: with credentials of its own`, servers.at(-1).username.length > 60);
  expect(`${name}: without port 53, which browsers block`, !urls.some((url) => /:53\b/.test(url)));

  const { iceServers, ttl } = await (await askOverHttp(server)).json();
  const isSame = JSON.stringify(iceServers) === JSON.stringify(servers);
  expect(
    `${name}: the same over HTTP, for ${ttl} s; the service was asked ${standIn.asked} time`,
    isSame && standIn.asked === 1,
  );
  signal.close();
  await server.stop();

  standIn.down = true;
  const unlucky = await serve(name, environment);
  const answer = await askOverHttp(unlucky);
  const { message } = await answer.json();
  expect(`${name}: while the service is down: ${answer.status} ${message}`, answer.status === 503);
  const { msg } = await unlucky.log.line(({ target, level }) => target === 'cairn_signal::ice' && level === 'error');
  expect(`${name}: and the log says: ${msg}`, msg.includes('threw Error'));
  standIn.down = false;
  // The next question is asked a second later at the earliest.
  const again = async () =>
    (await askOverHttp(unlucky)).ok || (await new Promise((done) => setTimeout(done, 250)), again());
  expect(`${name}: when it is back, peers are told again`, await again());
  await unlucky.stop();
}
standIn.stop();
