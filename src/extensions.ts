import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isNativeError } from 'node:util/types';
import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import { SystemClock } from './clock/clock.js';
import type { Clock } from './clock/clock.js';
import { TooLate, within } from './clock/deadline.js';
import { fileFault, StartupError } from './config/faults.js';
import { requireRegularFile, settingFile } from './config/setting-file.js';
import type { SettingFile } from './config/setting-file.js';
import { shownPath } from './config/shown-path.js';
import type { Settings } from './config/settings.js';
import { exportedClasses } from './exported-classes.js';
import type { Method } from './exported-classes.js';
import type { IceProvider } from './ice/ice-provider.js';
import type { PresenceObserver } from './signaling/presence-observer.js';
import type { TopicPolicy } from './signaling/topic-policy.js';

/** Code that an operator or an embedding application adds to the server (docs/extending.md). */
export interface Extensions {
  /** Modules that provide the dependencies of the guards, the policy, the provider and the observers. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  /** Custom guards. The server asks them at the upgrade, in this order, after the built-in guards. */
  readonly guards?: readonly Type<CanActivate>[];
  /** Decides who may do what on which topic. By default everyone may do everything. */
  readonly topicPolicy?: Type<TopicPolicy>;
  /** Gives peers the ICE servers of another service, in place of `turn-urls`. */
  readonly iceProvider?: Type<IceProvider>;
  /** See who subscribes to which topic on this node. Called in this order. Only an embedding application has any. */
  readonly presenceObservers?: readonly Type<PresenceObserver>[];
}

/** Names of files with code. */
const CODE = /\.[cm]?[jt]s$/;
const TYPESCRIPT = /\.[cm]?ts$/;

/** Milliseconds that a file may take to load. */
const LOAD_TIMEOUT_MS = 10_000;

/** Returns the files with code that settings name. */
export function codeFiles({ guards = [], topicPolicy, iceProvider }: Settings): readonly SettingFile[] {
  return [
    ...guards.map((path) => ({ name: 'guards', path })),
    ...settingFile('topic-policy', topicPolicy),
    ...settingFile('ice-provider', iceProvider),
  ];
}

/**
 * Loads the classes in the files that `guards`, `topic-policy` and `ice-provider` name. Rejects with a StartupError that
 * names the file at fault.
 */
export async function loadExtensions(
  { guards = [], topicPolicy, iceProvider }: Settings,
  clock: Clock = new SystemClock(),
): Promise<Extensions> {
  const loaded: Type<CanActivate>[] = [];
  for (const path of guards) loaded.push(...(await classesIn<CanActivate>('guards', path, 'canActivate', clock)));
  return {
    guards: loaded,
    ...(topicPolicy !== undefined && {
      topicPolicy: await classIn<TopicPolicy>('topic-policy', topicPolicy, 'allows', clock),
    }),
    ...(iceProvider !== undefined && {
      iceProvider: await classIn<IceProvider>('ice-provider', iceProvider, 'iceServers', clock),
    }),
  };
}

/** Loads a module, and returns the only class that it exports and that has the method. */
async function classIn<T>(setting: string, path: string, method: Method, clock: Clock): Promise<Type<T>> {
  const [only, another] = await classesIn<T>(setting, path, method, clock);
  if (another === undefined) return only;
  throw new StartupError(`${setting} ${shownPath(path)}: it exports more than one class with a method "${method}"`);
}

/** Loads a module, and returns the classes that it exports and that have the method; at least one. */
async function classesIn<T>(setting: string, path: string, method: Method, clock: Clock): Promise<Type<T>[]> {
  const named = `${setting} ${shownPath(path)}`;
  requireRegularFile(setting, path);
  let classes: readonly Type<unknown>[] | string;
  try {
    const namespace = import(pathToFileURL(resolve(path)).href) as Promise<object>;
    classes = exportedClasses(await within(clock, LOAD_TIMEOUT_MS, namespace), method);
  } catch (error) {
    throw new StartupError(`${named}: ${importFault(error, resolve(path))}`);
  }
  if (typeof classes === 'string') throw new StartupError(`${named}: ${classes}`);
  return classes as Type<T>[];
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
  return `${error.name}: ${error.message.split('\n')[0]}${importHint(error, file)}`;
}

/** What to do about an error of Node that comes from the kind of a file. */
function importHint({ name, message, code }: NodeJS.ErrnoException, file: string): string {
  if (TYPESCRIPT.test(file) && (name === 'SyntaxError' || code?.startsWith('ERR_UN') === true)) {
    return ' (this Node does not run this TypeScript: compile it, and name the JavaScript)';
  }
  if (name === 'SyntaxError' && /'export'|import statement/.test(message)) {
    return ' (Node reads it as CommonJS: name it .mjs, or set "type": "module" in its package.json)';
  }
  if (message.includes('is not defined in ES module scope')) {
    return ' (it is compiled to CommonJS: name it .cjs, or compile it to an ES module)';
  }
  return '';
}
