import { realpathSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SettingFile } from '../config/setting-file.js';

/** Where our own code is. */
const OURS = fileURLToPath(new URL('..', import.meta.url));

/** Whose code an error came from that nobody caught. */
export interface Origin {
  /** Files with an operator's code; none if it is our own. */
  readonly files: readonly SettingFile[];
  /** Whether the stack says so. Otherwise, it leads nowhere. */
  readonly sure: boolean;
}

/**
 * Finds out whether an error that nobody caught came from the code of an operator: its stack leads to one of those
 * files, or to a file beside it. An error without a file in its stack, such as that of a socket, is more likely theirs
 * than ours, which handles its own.
 */
export function originOf(error: unknown, code: readonly SettingFile[]): Origin {
  const places = placesIn(error);
  const leadsTo = (isThere: (place: string, file: string) => boolean): SettingFile[] =>
    code.filter(({ path }) => places.some((place) => isThere(place, realPath(path))));
  const exactly = leadsTo((place, file) => place === file);
  const files = exactly.length > 0 ? exactly : leadsTo(isBeside);
  if (files.length > 0) return { files, sure: true };
  return { files: places.length === 0 ? code : [], sure: false };
}

/** Whether a file is in the folder of another one, and neither our own nor of an installed package. */
function isBeside(place: string, file: string): boolean {
  const folder = `${dirname(file)}${sep}`;
  return (
    place.startsWith(folder) &&
    !place.startsWith(OURS) &&
    !place.slice(folder.length - 1).includes(`${sep}node_modules${sep}`)
  );
}

/** Files in the stack of an error, those of Node excepted. */
function placesIn(error: unknown): string[] {
  const stack = stackOf(error);
  return stack.split('\n').flatMap((line) => {
    const frame = line.trim();
    if (!frame.startsWith('at ')) return [];
    const where = frame.endsWith(')')
      ? frame.slice(frame.lastIndexOf('(') + 1, -1)
      : frame.slice(frame.lastIndexOf(' ') + 1);
    // Line and column follow.
    const place = where.split(':').slice(0, -2).join(':');
    if (place.startsWith('file:')) return URL.canParse(place) ? [fileURLToPath(place)] : [];
    return place.startsWith('/') ? [place] : [];
  });
}

function stackOf(error: unknown): string {
  try {
    const { stack, message } = error as { stack?: unknown; message?: unknown };
    return typeof stack === 'string' ? stack.replace(String(message), '') : '';
  } catch {
    return '';
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
