import { SUBPROTOCOL } from '../protocol/subprotocol.js';
import { ok, skipped, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import { refusalFigures, statusAndMessage } from './refusal.js';
import type { Subject } from './subject.js';

/** What a browser offers, since it cannot set a header (docs/protocol.md, section 3). */
export function bearerProtocols(token: string): string[] {
  return [SUBPROTOCOL, `bearer.${Buffer.from(token).toString('base64url')}`];
}

const MEND =
  'Web pages cannot connect. This server takes the token so, the reference does not; or a proxy takes Sec-WebSocket-Protocol away: have it passed on.';

/** Whether web pages can connect: the token as a subprotocol. */
export async function examineBrowser(subject: Subject): Promise<Finding> {
  const { token } = subject.request;
  if (token === undefined) return skipped('no token was given, and web pages need no other way in');
  let answer;
  try {
    answer = await Peer.open(subject, { token: undefined, protocols: bearerProtocols(token) });
  } catch (error) {
    // Browsers, like `ws`, drop a connection whose server selects none of the subprotocols that they offered.
    if (error instanceof Trouble && /subprotocol/i.test(error.found)) {
      return warning('the token is accepted as a subprotocol, but none is selected, so that a browser hangs up', MEND, {
        accepted: false,
      });
    }
    throw error;
  }
  if (!(answer instanceof Peer)) {
    return warning(`the token as a subprotocol, as browsers send it, is answered ${statusAndMessage(answer)}`, MEND, {
      accepted: false,
      ...refusalFigures(answer),
    });
  }
  const { protocol } = answer;
  await answer.close();
  if (protocol !== SUBPROTOCOL) {
    return warning(
      'the server selects the subprotocol that holds the token, which puts it into an answer',
      'Have the server, or the proxy that answers for it, select cairn-signal.',
      { accepted: false },
    );
  }
  return ok('the token is accepted as a subprotocol, as browsers send it', { accepted: true });
}
