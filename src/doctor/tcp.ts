import { connect } from 'node:net';
import { failed, ok, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { networkFault } from './network-fault.js';
import { Unanswered } from './subject.js';
import type { Address, Subject } from './subject.js';
import { counted, exact, time } from './words.js';

/** How one address took a TCP connection. */
interface Attempt {
  readonly at: Address;
  /** Milliseconds until the connection stood; undefined when it never did. */
  readonly milliseconds?: number;
  readonly trouble?: Trouble;
  /** It is this machine that cannot go there, such as to IPv6 without a route; no fault of the server's. */
  readonly noRoute?: boolean;
}

const NO_ROUTE = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Which of the addresses take TCP connections, and how fast. */
export async function examineTcp(subject: Subject): Promise<Finding> {
  const attempts = await Promise.all(subject.addresses.map((at) => attempt(subject, at)));
  subject.reachable = attempts.filter(({ trouble }) => trouble === undefined).map(({ at }) => at);
  const { port } = subject.request.target;
  const figures = {
    port,
    attempts: attempts.map(({ at, milliseconds, trouble }) => ({
      address: at.address,
      ...(milliseconds !== undefined && { milliseconds: exact(milliseconds) }),
      ...(trouble && { fault: trouble.found }),
    })),
  };
  const found = `port ${port}: ${attempts.map(({ at, milliseconds, trouble }) => `${at.address} ${trouble?.found ?? `in ${time(milliseconds!)}`}`).join('; ')}`;
  const faulty = attempts.filter(({ trouble }) => trouble !== undefined);
  if (faulty.length === 0) return ok(found, figures);
  if (subject.reachable.length === 0) return failed(found, faulty[0].trouble!.mend, figures);
  const theirs = faulty.filter(({ noRoute }) => noRoute !== true);
  if (theirs.length === 0) return ok(`${found}; this machine cannot tell whether peers reach the rest`, figures);
  const names = theirs.map(({ at }) => at.address).join(', ');
  return warning(
    found,
    `Peers that try ${names} first lose time or fail: let ${counted(theirs.length, 'this address', 'these addresses').replace(/^\d+ /, '')} answer too, or take ${theirs.length === 1 ? 'it' : 'them'} out of DNS.`,
    figures,
  );
}

async function attempt(subject: Subject, at: Address): Promise<Attempt> {
  const from = subject.clock.monotonic();
  const socket = connect({ host: at.address, port: subject.request.target.port });
  let noRoute = false;
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      noRoute = NO_ROUTE.has(error.code ?? '');
      reject(networkFault(error));
    });
  });
  try {
    await subject.within(connected, 'no answer');
    return { at, milliseconds: subject.clock.monotonic() - from };
  } catch (error) {
    if (error instanceof Unanswered) {
      return {
        at,
        trouble: new Trouble(error.found, "A firewall drops it: open the port, also in the cloud's security group."),
      };
    }
    if (error instanceof Trouble) return { at, trouble: error, noRoute };
    throw error;
  } finally {
    socket.destroy();
  }
}
