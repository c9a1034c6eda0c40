import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { NAME_RULE, namedTokenLine, TOKEN_NAME } from '../auth/named-token.js';
import { fileFault, StartupError } from '../config/faults.js';

/** Random bytes of a token; 43 characters of base64url. */
const TOKEN_BYTES = 32;

const USAGE = 'usage: cairn-signal token new NAME [--file PATH]';

/**
 * `token new NAME`: makes a token that is nowhere but in this output. Alone it prints the token and the line for
 * auth-token-file; with `--file` it appends the line there, and standard output is the token and nothing else. The exit code: 2 for what is not
 * understood. Throws a StartupError that names the file.
 */
export function token(words: readonly string[]): number {
  const asked = read(words);
  if ('fault' in asked) {
    process.stderr.write(`cairn-signal: ${asked.fault}\n${USAGE}\n`);
    return 2;
  }
  const secret = randomBytes(TOKEN_BYTES).toString('base64url');
  const line = namedTokenLine(asked.name, secret);
  if (asked.file === undefined) {
    process.stdout.write(`token, for the peer: ${secret}\nline, for auth-token-file: ${line}\n`);
    return 0;
  }
  const made = append(asked.file, line);
  // Root's is hardly the user that the server runs as.
  if (made && process.getuid?.() === 0) {
    process.stderr.write(
      `made ${asked.file} for root alone (0600): the server's user must be able to read it (chgrp, chmod 640)\n`,
    );
  }
  process.stderr.write(
    `added ${asked.name} to ${asked.file}; a server that reads it takes it in within seconds. The token is not shown again:\n`,
  );
  process.stdout.write(`${secret}\n`);
  return 0;
}

interface Asked {
  readonly name: string;
  /** The token file to append to. */
  readonly file: string | undefined;
}

/** What is asked for, or why it cannot be understood; repeats no word, since one may be a token. */
function read(words: readonly string[]): Asked | { readonly fault: string } {
  const names: string[] = [];
  const files: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--file') files.push(words[(i += 1)] ?? '');
    else if (word.startsWith('--file=')) files.push(word.slice('--file='.length));
    else if (word.startsWith('-')) return { fault: 'there is no such flag of "token"; there is --file PATH' };
    else names.push(word);
  }
  const [verb, name, ...rest] = names;
  if (verb !== 'new') return { fault: 'what "token" can do is "new"' };
  if (name === undefined) return { fault: 'a token needs the name of who is to have it' };
  if (rest.length > 0) return { fault: 'one name at a time' };
  if (!TOKEN_NAME.test(name)) return { fault: `a name is ${NAME_RULE}` };
  if (files.length > 1 || files[0] === '' || files[0]?.startsWith('-')) {
    return { fault: '--file: needs the path of one file' };
  }
  return { name, file: files[0] };
}

/** Adds a line to a token file, which is made for its owner alone where there is none: then it gives true. */
function append(path: string, line: string): boolean {
  try {
    // A pipe would be waited for.
    const before = statSync(path, { throwIfNoEntry: false });
    if (before?.isFile() === false) throw new StartupError(`${JSON.stringify(path)}: it is no regular file`);
    const file = openSync(path, 'a+', 0o600);
    try {
      appendWhole(file, `${endsOpen(file) ? '\n' : ''}${line}\n`, path);
    } finally {
      closeSync(file);
    }
    return before === undefined;
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`${JSON.stringify(path)}: ${writeFault(error)}`);
  }
}

/** In one write, so that two that append at the same time do not mix; and all of it or nothing, since the beginning of a line may be a token. */
function appendWhole(file: number, text: string, path: string): void {
  const { size } = fstatSync(file);
  const written = writeSync(file, text);
  if (written === Buffer.byteLength(text)) return;
  // Unless somebody else has appended to it meanwhile.
  if (fstatSync(file).size === size + written) ftruncateSync(file, size);
  throw new StartupError(`${JSON.stringify(path)}: there is no room for it`);
}

/** Whether the last line of a file has no end. */
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
      return 'there is no room for it';
    default:
      return fileFault(error);
  }
}
