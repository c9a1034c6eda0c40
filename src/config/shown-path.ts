import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { described, looksLike } from './looks-like.js';

/** A part of a name that a person gives to a file or folder: a word of small letters, or a few digits. */
const PLAIN_PART = /^(?:[A-Z]?[a-z]{1,24}\d{0,4}|\d{1,4})?$/;
/** Longest path that is taken for one by its looks, in characters. */
const LONGEST = 200;
const EXTENSION = /\.(?:pem|crt|cer|crl|key|csr|der|p12|pfx|txt|ya?ml|json|[cm]?[jt]s|creds|conf|env|tokens?)$/;

/**
 * Returns a path for a log line or a fault: in quotes where there is such a file, or where it can be nothing but a
 * path. Otherwise it may be a secret in the wrong place. Then only its length, what it looks like, and the folders that
 * do exist are named.
 */
export function shownPath(path: string): string {
  if (path !== '' && (exists(path) || isPlain(path))) return JSON.stringify(path);
  const folder = existingFolder(path);
  const where = folder === undefined ? '' : `, in the folder ${JSON.stringify(folder)}`;
  return `(${described(path)}${where})`;
}

/** Whether every part of the path that does not exist is a plain name, and something marks it as a path. */
function isPlain(path: string): boolean {
  if (path.length > LONGEST || looksLike(path) !== undefined) return false;
  if (!path.includes('/') && !EXTENSION.test(path)) return false;
  const folder = existingFolder(path) ?? '';
  return path
    .slice(folder.length)
    .split(/[/._-]/)
    .every((part) => PLAIN_PART.test(part));
}

/** The longest beginning of a path that exists on disk; undefined where there is none besides the root. */
function existingFolder(path: string): string | undefined {
  if (path.includes('\0')) return undefined;
  for (let folder = dirname(path); !['.', '/'].includes(folder); folder = dirname(folder)) {
    if (exists(folder)) return folder;
  }
  return undefined;
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}
