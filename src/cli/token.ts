import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { NAME_RULE, namedTokenLine, TOKEN_NAME } from '../auth/named-token.js';
import { fileFault, StartupError } from '../config/faults.js';
import { shownPath } from '../config/shown-path.js';
import { complain, print } from './output.js';

/** Random bytes of a token: 43 characters of base64url. */
const TOKEN_BYTES = 32;

const USAGE = 'usage: cairn-signal token new NAME [--file PATH]';

/**
 * `token new NAME`: makes a token and stores it nowhere. Without `--file`, prints the token and its line for
 * auth-token-file. With `--file`, appends the line to that file and prints only the token. Returns the exit code, which
 * is 2 for words that it does not understand. Rejects with a StartupError that names the file.
 */
export async function token(words: readonly string[]): Promise<number> {
  const asked = read(words);
  if ('fault' in asked) {
    await complain(`cairn-signal: ${asked.fault}\n${USAGE}\n`);
    return 2;
  }
  const secret = randomBytes(TOKEN_BYTES).toString('base64url');
  const line = namedTokenLine(asked.name, secret);
  if (asked.file === undefined) {
    await print(`token, for the peer: ${secret}\nline, for auth-token-file: ${line}\n`);
    return 0;
  }
  const made = append(asked.file, line);
  // The server hardly runs as root, so it could not read the file.
  if (made && process.getuid?.() === 0) {
    await complain(`created ${asked.file} for root only (0600): let the server's user read it (chgrp, chmod 640)\n`);
  }
  await complain(
    `added ${asked.name} to ${asked.file}; a running server reads it within seconds. The token is not shown again:\n`,
  );
  await print(`${secret}\n`).catch((error: Error) => {
    throw new StartupError(`${error.message}; nobody has seen the token that was added: remove its line from the file`);
  });
  return 0;
}

interface Asked {
  readonly name: string;
  /** The token file to append to. */
  readonly file: string | undefined;
}

/** The request in the words, or why they cannot be understood. Quotes no word, since one may be a token. */
function read(words: readonly string[]): Asked | { readonly fault: string } {
  const names: string[] = [];
  const files: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--file') files.push(words[(i += 1)] ?? '');
    else if (word.startsWith('--file=')) files.push(word.slice('--file='.length));
    else if (word.startsWith('-')) return { fault: '"token" has only the flag --file PATH' };
    else names.push(word);
  }
  const [verb, name, ...rest] = names;
  if (verb !== 'new') return { fault: 'the only action of "token" is "new"' };
  if (name === undefined) return { fault: 'a token needs the name of its owner' };
  if (rest.length > 0) return { fault: 'give only one name' };
  if (!TOKEN_NAME.test(name)) return { fault: `a name is ${NAME_RULE}` };
  if (files.length > 1 || files[0] === '' || files[0]?.startsWith('-')) {
    return { fault: '--file: needs the path of one file' };
  }
  return { name, file: files[0] };
}

/** Adds a line to a token file. Returns whether it had to create the file, with mode 0600. */
function append(path: string, line: string): boolean {
  try {
    // Opening a pipe would block.
    const before = statSync(path, { throwIfNoEntry: false });
    if (before?.isFile() === false) throw new StartupError(`${shownPath(path)}: it is not a regular file`);
    const file = openSync(path, 'a+', 0o600);
    try {
      appendWhole(file, `${endsOpen(file) ? '\n' : ''}${line}\n`, path);
    } finally {
      closeSync(file);
    }
    return before === undefined;
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`${shownPath(path)}: ${writeFault(error)}`);
  }
}

/**
 * Appends the text in one write, so that two programs that append at the same time do not mix. Appends all or nothing,
 * because the beginning of a line could be a token.
 */
function appendWhole(file: number, text: string, path: string): void {
  const { size } = fstatSync(file);
  const written = writeSync(file, text);
  if (written === Buffer.byteLength(text)) return;
  // Truncating would also cut what somebody else has appended meanwhile.
  if (fstatSync(file).size === size + written) ftruncateSync(file, size);
  throw new StartupError(`${shownPath(path)}: there is no space left for it`);
}

/** Whether the last line of a file lacks its line feed. */
function endsOpen(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
}

function writeFault(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'this process may not write to it';
    case 'ENOENT':
      return 'there is no such folder';
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'there is no space left for it';
    default:
      return fileFault(error);
  }
}
