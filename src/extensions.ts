import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isNativeError } from 'node:util/types';
import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import { SystemClock } from './clock/clock.js';
import type { Clock } from './clock/clock.js';
import { TooLate, within } from './clock/deadline.js';
import { fileFault, StartupError } from './config/faults.js';
import { requireRegularFile } from './config/setting-file.js';
import { shownPath } from './config/shown-path.js';
import type { Settings } from './config/settings.js';
import type { TopicPolicy } from './signaling/topic-policy.js';

/** Code that an operator or an embedding application adds to the server (docs/extending.md). */
export interface Extensions {
  /** Modules that provide the dependencies of the guards and the policy. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  /** Custom guards. The server asks them at the upgrade, in this order, after the built-in guards. */
  readonly guards?: readonly Type<CanActivate>[];
  /** Decides who may do what on which topic. By default everyone may do everything. */
  readonly topicPolicy?: Type<TopicPolicy>;
}

/** Names of files with code. */
const CODE = /\.[cm]?[jt]s$/;

/** Milliseconds that a file may take to load. */
const LOAD_TIMEOUT_MS = 10_000;

/**
 * Loads the classes in the files that `guards` and `topic-policy` name. Rejects with a StartupError that names the file
 * at fault.
 */
export async function loadExtensions(
  { guards = [], topicPolicy }: Settings,
  clock: Clock = new SystemClock(),
): Promise<Extensions> {
  const loaded: Type<CanActivate>[] = [];
  for (const path of guards) loaded.push(...(await classesIn<CanActivate>('guards', path, 'canActivate', clock)));
  if (topicPolicy === undefined) return { guards: loaded };
  const [policy, another] = await classesIn<TopicPolicy>('topic-policy', topicPolicy, 'allows', clock);
  if (another !== undefined) {
    throw new StartupError(
      `topic-policy ${shownPath(topicPolicy)}: it exports more than one class with a method "allows"`,
    );
  }
  return { guards: loaded, topicPolicy: policy };
}

/** Loads an ES module, and returns the classes that it exports and that have the method; at least one. */
async function classesIn<T>(setting: string, path: string, method: string, clock: Clock): Promise<Type<T>[]> {
  const named = `${setting} ${shownPath(path)}`;
  requireRegularFile(setting, path);
  let exported: Record<string, unknown>;
  try {
    exported = await within(
      clock,
      LOAD_TIMEOUT_MS,
      import(pathToFileURL(resolve(path)).href) as Promise<Record<string, unknown>>,
    );
  } catch (error) {
    throw new StartupError(`${named}: ${importFault(error, resolve(path))}`);
  }
  const classes = [...new Set(Object.values(exported))].filter((value) => isClassWith(value, method)) as Type<T>[];
  if (classes.length === 0) throw new StartupError(`${named}: it exports no class with a method "${method}"`);
  return classes;
}

/**
 * Says in one line why a file cannot be loaded. An error about another file, which the code in this file could not
 * read, is not about this file.
 */
function importFault(error: unknown, file: string): string {
  if (error instanceof TooLate) {
    return `it did not load within ${LOAD_TIMEOUT_MS / 1000} s: does it await something that never comes?`;
  }
  if (!isNativeError(error)) return `it threw ${typeof error}`;
  // The error quotes the words of a file that is not code, and that may be a file with a token.
  if (!CODE.test(file)) return 'it is not code: name an ES module that ends in .mjs or .js';
  if ('errno' in error && (error as NodeJS.ErrnoException).path === file) return fileFault(error);
  const hint =
    error.name === 'SyntaxError' && /'export'|import statement/.test(error.message)
      ? ' (Node reads it as CommonJS: name it .mjs, or set "type": "module" in its package.json)'
      : '';
  return `${error.name}: ${error.message.split('\n')[0]}${hint}`;
}

export function isClassWith(value: unknown, method: string): boolean {
  return (
    typeof value === 'function' &&
    typeof (value.prototype as Record<string, unknown> | undefined)?.[method] === 'function'
  );
}
