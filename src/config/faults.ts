/** What is wrong with the configuration: all faults, one sentence each. The process exits with 2. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(
    readonly faults: readonly string[],
    /** Other likely mistakes, which may explain the faults. */
    readonly warnings: readonly string[] = [],
  ) {
    super(faults.join('\n'));
  }
}

/**
 * Why the server cannot start with a valid configuration, in one line that names the file or address. The process exits
 * with 1.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** Says why a file could not be read, from a file system error. Never repeats its message, which holds the path. */
export function fileFault(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'this process may not read it';
    case 'EISDIR':
      return 'it is a directory';
    case 'ENOTDIR':
      return 'a folder in its path is a file';
    case 'ENAMETOOLONG':
      return 'it is too long for a path: is it the content of the file?';
    case 'ERR_INVALID_ARG_VALUE':
      return 'a path has no zero byte in it';
    case 'ELOOP':
      return 'its symbolic links lead in a circle';
    case 'EMFILE':
    case 'ENFILE':
      return 'the process has no file handle left for it';
    default:
      return `it cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).name})`;
  }
}

/** Returns what `work` returns. If it throws, throws a StartupError that says `fault`. */
export function orStartupError<T>(work: () => T, fault: string): T {
  try {
    return work();
  } catch {
    throw new StartupError(fault);
  }
}
