import { X509Certificate } from 'node:crypto';
import { readSettingFile } from '../config/setting-file.js';
import { ConfigurationError, StartupError } from '../config/faults.js';
import { bearerToken, duration } from '../config/values.js';
import { shownPath } from '../config/shown-path.js';
import { readClientCertificate } from './client-certificate.js';
import type { Request } from './subject.js';
import { readTarget } from './target.js';

/** What to examine, and how to report it. */
export interface Options extends Request {
  readonly json: boolean;
}

const DEFAULT_TIMEOUT = '10s';
const TIMEOUT = duration('100ms', '5m');
/** The upper bound of max-topic-bytes. */
const MOST_TOPIC_BYTES = 4096;
const IDLE = duration('100ms', '24h');

/**
 * Reads the options from the doctor's command line. Throws a ConfigurationError with all faults, `lineFaults` first.
 * None quotes a value, which may be a token in the wrong place. A fault of a file names the file.
 */
export function readOptions(
  flags: ReadonlyMap<string, string>,
  operands: readonly string[],
  lineFaults: readonly string[],
): Options {
  const faults = [...lineFaults];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (error instanceof ConfigurationError) faults.push(...error.faults);
      else if (error instanceof StartupError) faults.push(error.message);
      else throw error;
      return undefined;
    }
  };
  const target = attempt(() => readTarget(onlyOne(operands)));
  if (flags.has('token') && flags.has('token-file')) faults.push('--token and --token-file: give only one');
  const token = attempt(() => readToken(flags));
  const ca = attempt(() => readAuthorities(flags.get('ca')));
  const certificate = attempt(() => readClientCertificate(flags.get('cert'), flags.get('key')));
  if (certificate !== undefined && target?.secure === false) {
    faults.push('--cert and --key: a certificate needs TLS, but the URL is plaintext (ws://)');
  }
  const topic = attempt(() => readTopic(flags.get('topic')));
  const timeout = attempt(() => readTime('timeout', TIMEOUT, flags.get('timeout') ?? DEFAULT_TIMEOUT));
  const idle = attempt(() => readTime('idle', IDLE, flags.get('idle')));
  if (faults.length > 0) throw new ConfigurationError(faults);
  return { target: target!, token, ca, certificate, topic, timeout: timeout!, idle, json: flags.has('json') };
}

function onlyOne(operands: readonly string[]): string {
  if (operands.length === 1) return operands[0];
  throw new StartupError(
    operands.length === 0 ? 'give the URL of a server, such as wss://signal.example.com' : 'give only one URL',
  );
}

function readTopic(written: string | undefined): string | undefined {
  if (written !== undefined && (written === '' || Buffer.byteLength(written) > MOST_TOPIC_BYTES)) {
    throw new StartupError(`--topic: a topic is 1 to ${MOST_TOPIC_BYTES} bytes of UTF-8`);
  }
  return written;
}

/** Reads a time in milliseconds. */
function readTime(name: string, schema: typeof TIMEOUT, written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const { data, error } = schema.safeParse(written);
  if (error !== undefined) throw new StartupError(`--${name}: ${error.issues[0].message}`);
  return data;
}

function readToken(flags: ReadonlyMap<string, string>): string | undefined {
  const path = flags.get('token-file');
  const token = path === undefined ? flags.get('token') : firstToken(path);
  if (token !== undefined && !bearerToken.safeParse(token).success) {
    const source = path === undefined ? '--token' : `--token-file ${shownPath(path)}`;
    throw new StartupError(`${source}: a token is visible ASCII characters, without spaces around them`);
  }
  return token;
}

/** Reads the first token in a file, in the way that the server reads auth-token-file. */
function firstToken(path: string): string {
  const lines = readSettingFile('--token-file', path)
    .toString('utf8')
    .split(/\r?\n/)
    .map((line) => line.trim());
  const token = lines.find((line) => line !== '' && !line.startsWith('#'));
  if (token === undefined) throw new StartupError(`--token-file ${shownPath(path)}: there is no token in it`);
  if (/^[^:]*:sha256:/.test(token)) {
    throw new StartupError(
      `--token-file ${shownPath(path)}: this is the auth-token-file of the server, which holds digests: ` +
        'give a file with the token that "token new" printed',
    );
  }
  return token;
}

function readAuthorities(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const pem = readSettingFile('--ca', path).toString('utf8');
  const certificates =
    pem.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^]+?-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate)) {
    throw new StartupError(`--ca ${shownPath(path)}: not a PEM certificate`);
  }
  return pem;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== null;
  } catch {
    return false;
  }
}
