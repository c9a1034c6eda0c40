import { failed, ok, skipped, warning } from './finding.js';
import type { Finding } from './finding.js';
import { CloseCode, isRestart } from '../protocol/close-codes.js';
import { adviceForClose } from './close-advice.js';
import { howItEnded, Peer } from './peer.js';
import type { Closed } from './peer.js';
import type { Subject } from './subject.js';
import { exact, time } from './words.js';

/**
 * Examines whether a silent connection lasts. Like a peer that waits for another one, it answers pings and sends none.
 */
export async function examineIdle(subject: Subject): Promise<Finding> {
  const { clock, request } = subject;
  if (request.idle === undefined) return skipped('not requested; --idle tests whether a silent connection lasts');
  const peer = await Peer.connect(subject);
  const from = clock.monotonic();
  const pings: number[] = [];
  peer.onPing = () => pings.push(clock.monotonic() - from);
  const over = new AbortController();
  const cut = await Promise.race([peer.closed, clock.sleep(request.idle, over.signal).then(() => undefined)]);
  over.abort();
  const lasted = clock.monotonic() - from;
  if (cut !== undefined) return judgeCut(cut, lasted, pings);
  await peer.close();
  return judgeKept(request.idle, pings);
}

/** Mean milliseconds from one ping to the next, counting from the start. */
function interval(pings: readonly number[]): number {
  return (pings.at(-1) ?? 0) / pings.length;
}

function judgeKept(idle: number, pings: readonly number[]): Finding {
  const figures = { lastedMilliseconds: idle, cut: false, pings: pings.length };
  if (pings.length === 0) return ok(`a silent connection lasts ${time(idle)}, without a ping from the server`, figures);
  const every = interval(pings);
  return ok(`kept alive for ${time(idle)} by the server's pings, every ${time(every)}`, {
    ...figures,
    pingIntervalMilliseconds: exact(every),
  });
}

function judgeCut(closed: Closed, lasted: number, pings: readonly number[]): Finding {
  const figures = {
    lastedMilliseconds: exact(lasted),
    cut: true,
    code: closed.code,
    ...(closed.reason !== '' && { reason: closed.reason }),
    pings: pings.length,
  };
  const pinged = pings.length === 0 ? '' : `, despite pings every ${time(interval(pings))}`;
  const found = `${howItEnded(closed)} after ${time(lasted)} of silence${pinged}`;
  if (isRestart(closed)) return warning(found, adviceForClose(closed.code), figures);
  const despitePings = closed.code === CloseCode.deadPeer || pings.length > 0;
  if (despitePings) return failed(found, adviceForClose(closed.code), figures);
  return failed(
    found,
    'Raise the idle timeout of the proxy (nginx: proxy_read_timeout; HAProxy: timeout tunnel) ' +
      `above the server's ping-interval, or set ping-interval below ${time(lasted)}.`,
    figures,
  );
}
