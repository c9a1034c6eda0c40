import { connect } from 'node:net';
import { failed, ok, Trouble, warning } from './finding.js';
import type { Finding } from './finding.js';
import { networkFault } from './network-fault.js';
import { Unanswered } from './subject.js';
import type { Address, Subject } from './subject.js';
import { exact, time } from './words.js';

/** The result of one TCP connection. */
interface Attempt {
  readonly at: Address;
  /** Milliseconds until the connection was established; undefined if it never was. */
  readonly milliseconds?: number;
  readonly trouble?: Trouble;
  /** Whether this machine has no route to the address, such as over IPv6. That is not the fault of the server. */
  readonly noRoute?: boolean;
}

const NO_ROUTE = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Examines which addresses accept TCP connections, and how fast. */
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
  const found = `port ${port}: ${attempts.map(inWords).join('; ')}`;
  const faulty = attempts.filter(({ trouble }) => trouble !== undefined);
  if (faulty.length === 0) return ok(found, figures);
  if (subject.reachable.length === 0) return failed(found, faulty[0].trouble!.advice, figures);
  const theirs = faulty.filter(({ noRoute }) => noRoute !== true);
  if (theirs.length === 0) return ok(`${found}; this machine cannot tell whether peers reach the rest`, figures);
  return warning(found, adviceFor(theirs.map(({ at }) => at.address)), figures);
}

function inWords({ at, milliseconds, trouble }: Attempt): string {
  return `${at.address} ${trouble?.found ?? `in ${time(milliseconds!)}`}`;
}

function adviceFor(silent: readonly string[]): string {
  const [these, them] = silent.length === 1 ? ['this address', 'it'] : ['these addresses', 'them'];
  const loss = `Peers that try ${silent.join(', ')} first lose time or fail`;
  return `${loss}: let ${these} answer too, or take ${them} out of DNS.`;
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
