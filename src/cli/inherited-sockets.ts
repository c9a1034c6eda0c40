import type { Environment } from '../config/environment.js';
import type { InheritedSocket } from '../transport/listening.js';

/** The first file handle that systemd passes (sd_listen_fds(3)). */
const FIRST = 3;

/** The sockets that systemd has opened for this process. */
export interface InheritedSockets {
  /** In place of `listen-addr`. */
  readonly listen?: InheritedSocket;
  /** In place of `management-addr`: the one that is named "management", or else the second. */
  readonly management?: InheritedSocket;
}

/** Reads LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES. What is meant for another process is not taken. */
export function inheritedSockets(environment: Environment, pid = process.pid): InheritedSockets {
  const { LISTEN_FDS: count = '', LISTEN_PID: owner, LISTEN_FDNAMES: names = '' } = environment;
  if (!/^[1-9]\d?$/.test(count) || owner !== String(pid)) return {};
  const named = names.split(':').indexOf('management');
  const handles = Array.from({ length: Number(count) }, (_, index) => index);
  const management = named === -1 ? handles[1] : handles[named];
  const listen = handles.find((index) => index !== management);
  return {
    ...(listen !== undefined && { listen: { fd: FIRST + listen } }),
    ...(management !== undefined && { management: { fd: FIRST + management } }),
  };
}
