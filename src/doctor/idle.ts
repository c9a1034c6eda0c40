import { failed, ok, skipped, warning } from './finding.js';
import type { Finding } from './finding.js';
import { CloseCode } from '../protocol/close-codes.js';
import { mendForClose } from './close-mend.js';
import { howItEnded, Peer } from './peer.js';
import type { Closed } from './peer.js';
import type { Subject } from './subject.js';
import { exact, time } from './words.js';

/** Whether a connection on which the peer says nothing lasts: as peers that wait for another one do, it answers pings and sends no own. */
export async function examineIdle(subject: Subject): Promise<Finding> {
  const { clock, request } = subject;
  if (request.idle === undefined) return skipped('not asked for; --idle tries whether a silent connection is kept');
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
  const found = `${howItEnded(closed)} after ${time(lasted)} of silence${pings.length === 0 ? '' : `, in spite of pings every ${time(interval(pings))}`}`;
  if (closed.code === CloseCode.serviceRestart) return warning(found, mendForClose(closed.code), figures);
  if (closed.code === CloseCode.deadPeer || pings.length > 0) return failed(found, mendForClose(closed.code), figures);
  return failed(
    found,
    `Raise the idle time-out of the proxy (nginx: proxy_read_timeout; HAProxy: timeout tunnel) above the server's ping-interval, or set ping-interval below ${time(lasted)}.`,
    figures,
  );
}
