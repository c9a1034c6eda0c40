import { lookup } from 'node:dns/promises';
import { ok } from './finding.js';
import type { Finding } from './finding.js';
import { networkFault } from './network-fault.js';
import type { Subject } from './subject.js';
import { isAddress } from './target.js';
import { counted, exact, time } from './words.js';

/** Examines the addresses of the name, as the system resolves it for peers, including the hosts file. */
export async function examineDns(subject: Subject): Promise<Finding> {
  const { target } = subject.request;
  const from = subject.clock.monotonic();
  const found = lookup(target.host, { all: true, order: 'verbatim' }).catch((error: unknown) => {
    throw networkFault(error);
  });
  subject.addresses = await subject.within(found, 'no answer from a DNS server');
  const milliseconds = subject.clock.monotonic() - from;
  const addresses = subject.addresses.map(({ address }) => address);
  const figures = { addresses, milliseconds: exact(milliseconds) };
  if (isAddress(target)) return ok('an address, so there is no name to resolve', figures);
  const of = (family: number): number => subject.addresses.filter((address) => address.family === family).length;
  return ok(
    `${counted(addresses.length, 'address', 'addresses')} (IPv4: ${of(4)}, IPv6: ${of(6)}) ` +
      `in ${time(milliseconds)}: ${addresses.join(', ')}`,
    figures,
  );
}
