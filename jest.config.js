/** What the projects share. */
const shared = {
  testEnvironment: 'node',
  // Loads the server once in a process, not for each spec file.
  testRunner: '<rootDir>/test/jest/runner.mjs',
  // How test/jest/hooks.mjs transforms, and for --coverage Jest itself.
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', '^#cbor-x$': 'cbor-x/index-no-eval' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/**
 * The tests of a project, by glob: the server's, and in client/ the client's. Each lies in a folder of its name, or is none of the others':
 * `npm test -- unit` runs that alone.
 */
const project = (displayName, ...testMatch) => ({
  ...shared,
  displayName,
  testMatch: testMatch.flatMap((glob) => [`<rootDir>/test/${glob}`, `<rootDir>/client/test/${glob}`]),
});

/** All that "npm test" leaves out: what needs a browser, and what is slow. "npm run test:all" runs it, too. */
export const FURTHER = [project('browser', 'browser/**/*.spec.ts'), project('long', 'long/**/*.spec.ts')];

/** @type {import('jest').Config} */
export default {
  projects: [
    project('unit', 'unit/**/*.spec.ts'),
    project('system', '*.spec.ts', '{contract,e2e,fuzz,hardening}/**/*.spec.ts'),
  ],
  // Most of a test's time is waiting: for sockets, for programs that start.
  maxWorkers: 3,
  // Jest keeps what a file loaded until its worker ends: without this one grows to more than 1 GB, and slows down whatever counts or collects.
  workerIdleMemoryLimit: '300MB',
  // No test is decided by how busy a machine is. until() gives up before this, and says what it waited for.
  testTimeout: 120_000,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
};
