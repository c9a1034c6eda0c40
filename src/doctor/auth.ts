import { bearerProtocols } from './browser.js';
import { failed, ok, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import { said } from './refusal.js';
import type { Refused } from './refusal.js';
import type { Subject } from './subject.js';
import { asksForToken, refusalWarning } from './upgrade.js';

/** Examines whether the server asks for a token, and whether it accepts ours. */
export async function examineAuth(subject: Subject): Promise<Finding> {
  const { token, certificate } = subject.request;
  if (subject.admission === 'unauthorized') return token === undefined ? tokenNeeded(subject) : refused(subject, token);
  if (token === undefined) {
    return ok(
      certificate === undefined
        ? 'no token is needed: everyone who reaches the server may use it'
        : 'with this certificate no token is needed',
      { needed: false },
    );
  }

  const without = await attempt(subject, {});
  if (without === 'welcome' && certificate !== undefined) {
    return warning(
      'with this certificate no token is needed, and the server accepts any token',
      'If the server should also ask for a token, give it auth-token or auth-token-file.',
      { needed: false },
    );
  }
  if (without === 'welcome') {
    return warning(
      'no token is needed: the server is open to everyone, and accepts any token',
      'If the server should ask for a token, give it auth-token or auth-token-file.',
      { needed: false },
    );
  }
  if (!asksForToken(without) && without.status !== 403) {
    return refusalWarning('the token is accepted, but a handshake without one', without, subject);
  }
  return ok('refused without the token, accepted with it', { needed: true, accepted: true });
}

function tokenNeeded({ refusal }: Subject): Finding {
  return failed(
    `a token is needed, and none was given${said(refusal)}`,
    'Give the token of the server with --token-file PATH or --token TOKEN.',
    { needed: true, ...(refusal !== undefined && { message: refusal }) },
  );
}

/**
 * The finding for a token that is refused in the header. If the server accepts it as a subprotocol, the header gets
 * lost.
 */
async function refused(subject: Subject, token: string): Promise<Finding> {
  const { refusal } = subject;
  const figures = { needed: true, accepted: false, ...(refusal !== undefined && { message: refusal }) };
  if (await acceptedAsProtocol(subject, token)) {
    return failed(
      'the token is accepted as a subprotocol, but not in the Authorization header',
      'A proxy removes that header, or uses it for itself: make it pass on Authorization.',
      figures,
    );
  }
  return failed(`the token is refused${said(refusal) || ': it is wrong'}`, RIGHT_TOKEN, figures);
}

const RIGHT_TOKEN =
  'Give a token that the server has (auth-token, auth-token-file), or a JWT of its jwt-issuer for its jwt-audience ' +
  'that has not expired. If the token is right, a proxy may remove the Authorization header.';

async function acceptedAsProtocol(subject: Subject, token: string): Promise<boolean> {
  try {
    return (await attempt(subject, { protocols: bearerProtocols(token) })) === 'welcome';
  } catch (error) {
    // Servers without subprotocols differ in how they treat one. This is only a second guess.
    if (error instanceof Trouble) return false;
    throw error;
  }
}

/** Tries a handshake without an Authorization header. */
async function attempt(
  subject: Subject,
  { protocols }: { protocols?: readonly string[] },
): Promise<'welcome' | Refused> {
  const answer = await Peer.open(subject, { token: undefined, ...(protocols && { protocols }) });
  if (!(answer instanceof Peer)) return answer;
  await answer.close();
  return 'welcome';
}
