/**
 * Describes what was thrown: an error's class and where it was thrown, or the type of anything else. Leaves out the
 * text, which may hold what must not be in the log. Never throws.
 */
export function nameOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error;
    const { name, message, stack } = error as { name: unknown; message: unknown; stack?: unknown };
    const frames = typeof stack === 'string' ? stack.replace(String(message), '').split('\n    at ') : [];
    return frames.length > 1 ? `${String(name)} at ${frames[1]}` : String(name);
  } catch {
    // A proxy, or a getter of its own, threw.
    return typeof error;
  }
}
