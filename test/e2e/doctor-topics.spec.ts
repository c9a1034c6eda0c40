import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { diagnose, verdicts } from '../support/diagnosis.js';
import { makeKey, sign } from '../support/issuer.js';
import { startWebSockets, stopOddServers } from '../support/odd-servers.js';
import { endPrograms, Program } from '../support/program.js';
import { startServer, stopServers } from '../support/server.js';

const TIMEOUT_MS = 30_000;
/** Lets everyone use topics that begin with "open". */
const POLICY = fileURLToPath(new URL('../support/extensions/topic-policy.js', import.meta.url));
const TOPIC = 'open-s3cret-of-the-doctor';
const ISSUER = 'https://issuer.example.com';
const AUDIENCE = 'signal';
const RELAYING = ['dns', 'tcp', 'tls', 'upgrade', 'auth', 'cbor', 'json', 'v2', 'size'];
const HEALTHY = {
  dns: 'ok',
  tcp: 'ok',
  tls: 'skipped',
  upgrade: 'ok',
  auth: 'ok',
  cbor: 'ok',
  json: 'ok',
  v2: 'ok',
  size: 'ok',
};

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-doctor-topics-'));
afterEach(async () => {
  endPrograms();
  await stopServers();
  await stopOddServers();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A server that takes JWTs, and a JWT for these topics that expires after this many seconds. */
async function withJwt(topics: readonly string[], expiresIn = 3600): Promise<{ url: string; token: string }> {
  const key = await makeKey('one');
  const jwtPublicKey = join(folder, 'key.pem');
  writeFileSync(jwtPublicKey, key.pem);
  const { url } = await startServer({ jwtIssuer: [ISSUER], jwtAudience: [AUDIENCE], jwtPublicKey });
  const token = await sign(key, {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'alice',
    exp: Math.floor(Date.now() / 1000) + expiresIn,
    topics: [...topics],
  });
  return { url, token };
}

describe('the doctor and restricted topics', () => {
  it('a topic policy forbids a random topic', async () => {
    const { url } = await startServer({ topicPolicy: POLICY });
    const { json } = await diagnose(url, { only: ['dns', 'tcp', 'auth', 'json'] });
    expect(json).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining('forbidden: a peer without a token may not use a random topic'),
      figures: { code: 'forbidden' },
    });
  });

  it('a topic policy allows the topic of --topic: no problem', async () => {
    const { url } = await startServer({ topicPolicy: POLICY });
    expect(verdicts(await diagnose(url, { topic: TOPIC, only: RELAYING }))).toEqual(HEALTHY);
  });

  it('a topic policy allows the topic, but not to be told the members', async () => {
    class NoPresence {
      allows(_principal: string | undefined, action: string): boolean {
        return action !== 'presence';
      }
    }
    const { url } = await startServer({}, 'off', undefined, { topicPolicy: NoPresence });
    expect((await diagnose(url)).v2).toMatchObject({
      verdict: 'warning',
      found: 'cairn-signal.v2: a member is answered with forbidden',
      advice: expect.stringContaining('presence'),
    });
  });

  it('a topic policy allows only subscribing to the topic of --topic: the flag is named', async () => {
    const { url } = await startServer({ topicPolicy: POLICY });
    const { json } = await diagnose(url, { topic: 'read-s3cret', only: ['dns', 'tcp', 'auth', 'json'] });
    expect(json.found).toBe(
      'the server answers JSON with forbidden: a peer without a token may not use the topic of --topic (topic policy, or the claim topics of a JWT)',
    );
  });

  it('A6: a JWT for some topics', async () => {
    const { url, token } = await withJwt([TOPIC]);
    const { json } = await diagnose(url, { token, only: ['dns', 'tcp', 'upgrade', 'auth', 'json'] });
    expect(json.found).toBe(
      'the server answers JSON with forbidden: this token may not use a random topic (topic policy, or the claim topics of a JWT)',
    );
    expect(verdicts(await diagnose(url, { token, topic: TOPIC, only: RELAYING }))).toEqual(HEALTHY);
  });

  it('A5: an expired JWT is reported as expired', async () => {
    const { url, token } = await withJwt([], -3600);
    const { auth } = await diagnose(url, { token });
    expect(auth).toMatchObject({
      verdict: 'failed',
      found: 'the token is refused: This token has expired.',
      figures: { message: 'This token has expired.' },
    });
  });

  it('a long topic leaves room for the relayed payload', async () => {
    const { url } = await startServer({ maxTopicBytes: 4096 });
    const { cbor, size } = await diagnose(url, { topic: 'x'.repeat(4096), only: RELAYING });
    expect([cbor.verdict, size.figures]).toEqual(['ok', expect.objectContaining({ bytes: 65_536, exact: true })]);
  });

  it(
    'the topic is never printed, even if a server repeats it',
    async () => {
      const { url } = await startServer({ topicPolicy: POLICY });
      const odd = await startWebSockets((socket) => socket.on('message', () => socket.close(1008, TOPIC)));
      const ended = await Promise.all(
        [['--json', url], [url], [`ws://127.0.0.1:${odd}`]].map(
          (words) => new Program(['doctor', '--topic', TOPIC, ...words]).ended,
        ),
      );
      expect(ended.map(({ code }) => code)).toEqual([0, 0, 1]);
      expect(ended[2].stdout).toContain('closed with 1008: [topic]');
      for (const { stdout, stderr } of ended) expect(stdout + stderr).not.toContain('s3cret');
    },
    TIMEOUT_MS,
  );
});
