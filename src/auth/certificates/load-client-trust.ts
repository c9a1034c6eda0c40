import { X509Certificate } from 'node:crypto';
import type { Work } from '../../clock/in-turns.js';
import { notARevocationList, notAuthorities, revocationListsIn } from '../../config/certificate-mistakes.js';
import { orStartupError, StartupError } from '../../config/faults.js';
import { readSettingFile, settingFile } from '../../config/setting-file.js';
import type { SettingFile } from '../../config/setting-file.js';
import type { Settings } from '../../config/settings.js';
import { shownPath } from '../../config/shown-path.js';
import { Authority } from './authority.js';
import { ClientTrust } from './client-trust.js';
import type { SignedList } from './client-trust.js';
import { readRevocationList, UnusableList } from './revocation-list.js';
import type { RevocationList } from './revocation-list.js';

/** Every certificate of a PEM file, a truncated last one included. */
const PEM_CERTIFICATES = /-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g;

/** Returns the files that say whom to trust; none without `tls-client-ca`. */
export function clientTrustFiles({ tlsClientCa, tlsClientCrl }: Settings): readonly SettingFile[] {
  return [...settingFile('tls-client-ca', tlsClientCa), ...settingFile('tls-client-crl', tlsClientCrl)];
}

/**
 * Reads and checks the files that the settings name; `now` is in milliseconds since the epoch. Gives undefined without
 * `tls-client-ca`. Throws a StartupError that names the file at fault.
 */
export function* loadClientTrust({ tlsClientCa, tlsClientCrl }: Settings, now: number): Work<ClientTrust | undefined> {
  if (tlsClientCa === undefined) return undefined;
  const pem = readSettingFile('tls-client-ca', tlsClientCa);
  // OpenSSL skips what it cannot read. Then the clients of that CA would all be refused.
  const blocks = pem.toString('latin1').match(PEM_CERTIFICATES) ?? [''];
  const wrongCa = notAuthorities(pem);
  const notOne = `tls-client-ca ${shownPath(tlsClientCa)}: not a PEM certificate${wrongCa === undefined ? '' : `: ${wrongCa}`}`;
  const authorities = blocks.map((block) => orStartupError(() => new Authority(new X509Certificate(block)), notOne));
  if (tlsClientCrl === undefined) return new ClientTrust(pem, authorities);
  const file = `tls-client-crl ${shownPath(tlsClientCrl)}`;
  const content = readSettingFile('tls-client-crl', tlsClientCrl);
  const wrong = notARevocationList(content);
  if (wrong !== undefined) throw new StartupError(`${file}: not a PEM revocation list: ${wrong}`);
  const ders = revocationListsIn(content);
  if (ders.length === 0) throw new StartupError(`${file}: not a PEM revocation list`);
  const lists: SignedList[] = [];
  for (const [i, der] of ders.entries()) {
    const which = ders.length === 1 ? file : `${file}: list ${i + 1} of ${ders.length}`;
    const list = yield* readList(der, which);
    checkTimes(list, now, which);
    const by = authorities.find(({ key }) => list.isSignedWith(key));
    if (by === undefined) throw new StartupError(`${which}: no authority in tls-client-ca signed it`);
    const { issuedAt, expiresAt, serials } = list;
    // Not the whole list, whose bytes would stay in memory.
    lists.push({ list: { issuedAt, expiresAt, serials }, by });
    yield;
  }
  return new ClientTrust(pem, authorities, lists);
}

function* readList(der: Buffer, which: string): Work<RevocationList> {
  try {
    return yield* readRevocationList(der);
  } catch (error) {
    const why = error instanceof UnusableList ? error.message : 'it is cut off, or not a revocation list';
    throw new StartupError(`${which}: ${why}`);
  }
}

/** An expired list says nothing of what was revoked since. */
function checkTimes({ issuedAt, expiresAt = Infinity }: RevocationList, now: number, which: string): void {
  if (expiresAt <= now) {
    const when = new Date(expiresAt).toISOString();
    throw new StartupError(`${which}: it expired at ${when}: get the next list of its authority`);
  }
  if (issuedAt > now) {
    const when = new Date(issuedAt).toISOString();
    throw new StartupError(`${which}: it is not valid before ${when}: check the clock of this machine, or wait`);
  }
}
