import { failed, ok, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import { refusalFigures, said, statusAndMessage } from './refusal.js';
import type { Refused } from './refusal.js';
import { mendForRefusal } from './status-mend.js';
import type { Subject } from './subject.js';
import { exact, time } from './words.js';

/** Whether a WebSocket handshake reaches a WebSocket server. With the token, if there is one; whether that is right is another examination's. */
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

/** A 401 of a signaling server's, not of a login in front of it; the reference does not name the scheme. */
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
  return failed(found, mendForRefusal(refused, subject.request), figures);
}

/** A refusal where there should be none, for a place that only warns. */
export function refusalWarning(what: string, refused: Refused, { request }: Subject): Finding {
  return warning(
    `${what} is answered ${statusAndMessage(refused)}`,
    mendForRefusal(refused, request),
    refusalFigures(refused),
  );
}
