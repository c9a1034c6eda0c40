import { bearerProtocols } from './browser.js';
import { failed, ok, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import { said } from './refusal.js';
import type { Refused } from './refusal.js';
import type { Subject } from './subject.js';
import { asksForToken, refusalWarning } from './upgrade.js';

/** Whether the server asks for a token, and whether ours is the right one. */
export async function examineAuth(subject: Subject): Promise<Finding> {
  const { token, certificate } = subject.request;
  if (subject.admission === 'unauthorized') return token === undefined ? tokenNeeded(subject) : refused(subject, token);
  if (token === undefined) {
    return ok(
      certificate === undefined
        ? 'no token is needed: whoever reaches the server may use it'
        : 'with this certificate no token is needed',
      { needed: false },
    );
  }

  const without = await attempt(subject, {});
  if (without === 'welcome' && certificate !== undefined) {
    return warning(
      'with this certificate no token is needed, and any is taken',
      'If the server is meant to ask for one as well, give it auth-token or auth-token-file.',
      { needed: false },
    );
  }
  if (without === 'welcome') {
    return warning(
      'no token is needed: the server is open to everyone, and takes any token',
      'If it is meant to ask for one, give the server auth-token or auth-token-file.',
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
    "Give the server's with --token-file PATH or --token TOKEN.",
    { needed: true, ...(refusal !== undefined && { message: refusal }) },
  );
}

/** The token is refused in the header; where it is accepted elsewhere, the header is what gets lost. */
async function refused(subject: Subject, token: string): Promise<Finding> {
  const { refusal } = subject;
  const figures = { needed: true, accepted: false, ...(refusal !== undefined && { message: refusal }) };
  if (await acceptedAsProtocol(subject, token)) {
    return failed(
      'the token is accepted as a subprotocol, but not in the Authorization header',
      'A proxy takes that header away, or uses it for itself: have it pass Authorization on.',
      figures,
    );
  }
  const mend =
    'Give one that the server has (auth-token, auth-token-file), or a JWT of its jwt-issuer for its jwt-audience that has not expired. If it is one, a proxy may take the Authorization header away.';
  return failed(`the token is refused${said(refusal) || ': it is a wrong one'}`, mend, figures);
}

async function acceptedAsProtocol(subject: Subject, token: string): Promise<boolean> {
  try {
    return (await attempt(subject, { protocols: bearerProtocols(token) })) === 'welcome';
  } catch (error) {
    // Servers that know nothing of subprotocols differ in what they do with one; it is a second guess only.
    if (error instanceof Trouble) return false;
    throw error;
  }
}

/** What becomes of a handshake without an Authorization header. */
async function attempt(
  subject: Subject,
  { protocols }: { protocols?: readonly string[] },
): Promise<'welcome' | Refused> {
  const answer = await Peer.open(subject, { token: undefined, ...(protocols && { protocols }) });
  if (!(answer instanceof Peer)) return answer;
  await answer.close();
  return 'welcome';
}
