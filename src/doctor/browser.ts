import { SUBPROTOCOL } from '../protocol/subprotocol.js';
import { ok, skipped, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { Peer } from './peer.js';
import { refusalFigures, statusAndMessage } from './refusal.js';
import type { Subject } from './subject.js';

/** The subprotocols that a browser offers, because it cannot set a header (docs/protocol.md, section 3). */
export function bearerProtocols(token: string): string[] {
  return [SUBPROTOCOL, `bearer.${Buffer.from(token).toString('base64url')}`];
}

const ADVICE =
  'Web pages cannot connect. cairn-signal accepts the token this way, but the reference does not. ' +
  'Or a proxy removes Sec-WebSocket-Protocol: make it pass the header on.';

/** Examines whether web pages can connect, with the token as a subprotocol. */
export async function examineBrowser(subject: Subject): Promise<Finding> {
  const { token } = subject.request;
  if (token === undefined) return skipped('no token was given, so web pages connect like other peers');
  let answer;
  try {
    answer = await Peer.open(subject, { token: undefined, protocols: bearerProtocols(token) });
  } catch (error) {
    // Browsers, like `ws`, drop a connection whose server selects none of the subprotocols that they offered.
    if (error instanceof Trouble && /subprotocol/i.test(error.found)) {
      return warning(
        'the token is accepted as a subprotocol, but the server selects none, so a browser drops the connection',
        ADVICE,
        {
          accepted: false,
        },
      );
    }
    throw error;
  }
  if (!(answer instanceof Peer)) {
    return warning(
      `the token as a subprotocol, as browsers send it, is answered with ${statusAndMessage(answer)}`,
      ADVICE,
      {
        accepted: false,
        ...refusalFigures(answer),
      },
    );
  }
  const { protocol } = answer;
  await answer.close();
  if (protocol !== SUBPROTOCOL) {
    return warning(
      'the server selects the subprotocol that holds the token, and so repeats the token in its answer',
      'Make the server, or the proxy that answers for it, select cairn-signal.',
      { accepted: false },
    );
  }
  return ok('the token is accepted as a subprotocol, as browsers send it', { accepted: true });
}
