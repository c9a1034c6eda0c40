/** What is wrong with the configuration: every fault at once, a sentence each. The process ends with 2. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(
    readonly faults: readonly string[],
    /** What may explain them: what else looks like a mistake. */
    readonly warnings: readonly string[] = [],
  ) {
    super(faults.join('\n'));
  }
}

/** Why a valid configuration cannot be served, in one line that names the file or address. The process ends with 1. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** Why a file could not be read, in words: from the code of a file system error. */
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

/** What `work` gives; a StartupError that says `fault` where it throws. */
export function orStartupError<T>(work: () => T, fault: string): T {
  try {
    return work();
  } catch {
    throw new StartupError(fault);
  }
}
