import { failed, ok, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import { refusalFigures, said, statusAndMessage } from './refusal.js';
import type { Refused } from './refusal.js';
import { adviceForRefusal } from './status-advice.js';
import type { Subject } from './subject.js';
import { exact, time } from './words.js';

/**
 * Examines whether a WebSocket handshake reaches a WebSocket server. Shows the token, if there is one; another
 * examination judges it.
 */
export async function examineUpgrade(subject: Subject): Promise<Finding> {
  const from = subject.clock.monotonic();
  const answer = await Peer.open(subject);
  const milliseconds = subject.clock.monotonic() - from;
  if (answer instanceof Peer) {
    await answer.close();
    subject.admission = 'welcome';
    return ok(`101 in ${time(milliseconds)}`, { status: 101, milliseconds: exact(milliseconds) });
  }
  if (asksForToken(answer)) {
    subject.admission = 'unauthorized';
    subject.refusal = answer.message;
    return ok(`the handshake arrives: 401 in ${time(milliseconds)} asks for a token (see auth)`, {
      ...refusalFigures(answer),
      milliseconds: exact(milliseconds),
    });
  }
  return judge(answer, subject);
}

/**
 * Whether a 401 comes from a signaling server, not from a login in front of it. The reference does not name the scheme.
 */
export function asksForToken({ status, headers }: Refused): boolean {
  const scheme = headers['www-authenticate'];
  return status === 401 && (scheme === undefined || /^bearer\b/i.test(scheme));
}

function judge(refused: Refused, subject: Subject): Finding {
  const { status, headers, message } = refused;
  const server = headers.server === undefined ? '' : `, from ${subject.quote(String(headers.server))}`;
  const retry = headers['retry-after'] === undefined ? undefined : subject.quote(headers['retry-after']);
  const after = retry === undefined ? '' : ` (Retry-After: ${retry})`;
  const figures = { ...refusalFigures(refused), ...(retry !== undefined && { retryAfter: retry }) };
  const found = `${status} instead of 101${server}${after}${said(message)}`;
  return failed(found, adviceForRefusal(refused, subject.request), figures);
}

/** The warning for an unexpected refusal. */
export function refusalWarning(what: string, refused: Refused, { request }: Subject): Finding {
  return warning(
    `${what} is answered with ${statusAndMessage(refused)}`,
    adviceForRefusal(refused, request),
    refusalFigures(refused),
  );
}
