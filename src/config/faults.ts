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

/** Says why a file could not be read, from a file system error. */
export function fileFault(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'this process may not read it';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return (error as Error).message;
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
