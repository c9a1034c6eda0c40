/** Where a spec file finds what it imports from @jest/globals. */
export const GLOBALS = Symbol.for('cairn-signal: @jest/globals');
