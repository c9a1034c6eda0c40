import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import type { Authenticator } from '@nats-io/transport-node';
import { orStartupError } from '../config/faults.js';
import { readAnew, readSecretFile } from '../config/secret-file.js';
import { readSettingFile } from '../config/setting-file.js';
import { shownPath } from '../config/shown-path.js';
import type { Settings } from '../config/settings.js';
import { bearerToken } from '../config/values.js';

/** The settings by which a node can say who it is, as far as they are set, for messages. */
export function natsCredentialSettings(settings: Settings): string {
  const set = [
    ['nats-creds', settings.natsCreds],
    ['nats-token', settings.natsToken],
    ['nats-token-file', settings.natsTokenFile],
    ['nats-nkey', settings.natsNkey],
    ['nats-user and nats-password', settings.natsPassword],
    ['nats-user and nats-password-file', settings.natsPasswordFile],
  ].find(([, value]) => value !== undefined);
  return set?.[0] ?? 'no nats-creds, nats-token, nats-nkey or nats-user is set';
}

/**
 * What says who this node is to NATS; undefined where nothing does. Files are read now, and again for each connection,
 * so that they may change. Throws a StartupError that names the setting at fault.
 */
export function natsAuthenticator(settings: Settings): Authenticator | undefined {
  const { natsCreds, natsToken, natsTokenFile, natsNkey, natsUser, natsPassword, natsPasswordFile } = settings;
  if (natsCreds !== undefined) {
    return credsAuthenticator(
      readAnew(natsCreds, () => readChecked('nats-creds', natsCreds, credsAuthenticator, CREDS)),
    );
  }
  if (natsNkey !== undefined) {
    return nkeyAuthenticator(readAnew(natsNkey, () => readChecked('nats-nkey', natsNkey, nkeyAuthenticator, NKEY)));
  }
  if (natsUser !== undefined) {
    return usernamePasswordAuthenticator(natsUser, natsPassword ?? secretIn('nats-password-file', natsPasswordFile!));
  }
  if (natsToken !== undefined) return tokenAuthenticator(natsToken);
  return natsTokenFile === undefined ? undefined : tokenAuthenticator(secretIn('nats-token-file', natsTokenFile));
}

const CREDS = 'not NATS credentials (a user JWT and its seed)';
const NKEY = 'not the seed of a NATS user (a line that begins with SU)';

function secretIn(setting: string, path: string): () => string {
  return readAnew(path, () => readSecretFile(setting, path, bearerToken));
}

/** Content of a file from which `authenticate` can answer NATS. */
function readChecked(
  setting: string,
  path: string,
  authenticate: (content: Uint8Array) => Authenticator,
  fault: string,
): Uint8Array {
  const content = readSettingFile(setting, path);
  // What `nk -gen user -pubout` writes: the seed, and the public key behind it.
  const read = new Uint8Array(authenticate === nkeyAuthenticator ? seedIn(content) : content);
  orStartupError(() => authenticate(read)('a nonce'), `${setting} ${shownPath(path)}: ${fault}`);
  return read;
}

/** Returns the line of a file that may be the seed of a user; empty if there is none. */
function seedIn(content: Buffer): Buffer {
  const lines = content.toString('latin1').split('\n');
  return Buffer.from(lines.map((line) => line.trim()).find((line) => /^SU[A-Z2-7]+$/.test(line)) ?? '');
}
