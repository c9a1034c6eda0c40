/** Stands for @jest/globals. Loaded anew for each spec file, as circus is. */
import { GLOBALS } from './globals-key.mjs';

export const { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test } = globalThis[GLOBALS];
