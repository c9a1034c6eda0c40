// What Cloudflare's and Twilio's APIs say to whoever asks for TURN credentials, on loopback. It knows one account of
// each, and makes up credentials that open nothing.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

export const CLOUDFLARE = { key: '0123456789abcdef', token: 'cloudflare-api-token' };
export const TWILIO = { account: `AC${'0'.repeat(32)}`, token: 'twilio-auth-token' };

const hex = (bytes) => randomBytes(bytes).toString('hex');

/** Answers a request to one of the services. Returns the status and the body. */
const SERVICES = {
  [`/v1/turn/keys/${CLOUDFLARE.key}/credentials/generate-ice-servers`]: ({ headers }, body) => {
    if (headers.authorization !== `Bearer ${CLOUDFLARE.token}`) return [401, {}];
    if (headers['content-type'] !== 'application/json') return [415, {}];
    const { ttl } = JSON.parse(body);
    if (!Number.isInteger(ttl) || ttl > 172_800) return [400, {}];
    const turn = (rest) => `turn:turn.cloudflare.com:${rest}`;
    const urls = ['3478?transport=udp', '53?transport=udp', '3478?transport=tcp', '80?transport=tcp'].map(turn);
    return [
      201,
      {
        iceServers: [
          { urls: ['stun:stun.cloudflare.com:3478', 'stun:stun.cloudflare.com:53'] },
          {
            urls: [
              ...urls,
              'turns:turn.cloudflare.com:5349?transport=tcp',
              'turns:turn.cloudflare.com:443?transport=tcp',
            ],
            username: hex(48),
            credential: hex(48),
          },
        ],
      },
    ];
  },
  [`/2010-04-01/Accounts/${TWILIO.account}/Tokens.json`]: ({ headers }, body) => {
    const [scheme, credentials = ''] = (headers.authorization ?? '').split(' ');
    const isRight = Buffer.from(credentials, 'base64').toString() === `${TWILIO.account}:${TWILIO.token}`;
    if (scheme !== 'Basic' || !isRight) return [401, { code: 20003, message: 'Authenticate', status: 401 }];
    const ttl = new URLSearchParams(body).get('Ttl') ?? '86400';
    const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    if (!isForm || !/^\d+$/.test(ttl)) return [400, {}];
    const [username, password] = [hex(32), hex(16)];
    const turn = (rest) => ({
      url: `turn:global.turn.twilio.com:${rest}`,
      urls: `turn:global.turn.twilio.com:${rest}`,
      username,
      credential: password,
    });
    const stun = 'stun:global.stun.twilio.com:3478';
    return [
      201,
      {
        username,
        password,
        ttl,
        account_sid: TWILIO.account,
        date_created: new Date().toUTCString(),
        date_updated: new Date().toUTCString(),
        ice_servers: [
          { url: stun, urls: stun },
          ...['3478?transport=udp', '3478?transport=tcp', '443?transport=tcp'].map(turn),
        ],
      },
    ];
  },
};

/** Starts both on a free port: their URL, how often they were asked, and whether they are down. */
export async function startStandIn() {
  const standIn = { url: '', asked: 0, down: false, stop: () => server.close() };
  const server = createServer(async (request, response) => {
    const body = await text(request);
    standIn.asked += 1;
    const answer = request.method === 'POST' ? SERVICES[request.url] : undefined;
    const [status, said] = standIn.down ? [503, {}] : (answer?.(request, body) ?? [404, {}]);
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(said));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  standIn.url = `http://127.0.0.1:${server.address().port}`;
  return standIn;
}
