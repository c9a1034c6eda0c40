import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

interface Locked {
  dev?: boolean;
  devOptional?: boolean;
  hasInstallScript?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

type Lock = Record<string, Locked>;

const lock = (): Lock =>
  (JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8')) as { packages: Lock })
    .packages;

const runsOn = ({ os, cpu, libc }: Locked, arch: string): boolean =>
  (os?.includes('linux') ?? true) && (cpu?.includes(arch) ?? true) && (libc?.includes('glibc') ?? true);

/** Packages that the image has, and that build something where they are installed, or are for one platform. */
const native = (packages: Lock): string[] =>
  Object.entries(packages)
    .filter(
      ([, { dev, devOptional, hasInstallScript, os, cpu }]) =>
        dev !== true && devOptional !== true && (hasInstallScript === true || os !== undefined || cpu !== undefined),
    )
    .map(([path]) => path);

/** Packages that bring a binary for this architecture, and none for the other one. */
const missing = (packages: Lock, here: string, there: string): string[] =>
  Object.entries(packages)
    .filter(([path, { optionalDependencies = {} }]) => {
      const binaries = Object.keys(optionalDependencies)
        .map((name) => packages[`${path}/node_modules/${name}`] ?? packages[`node_modules/${name}`])
        .filter((found) => found?.cpu !== undefined);
      return binaries.some((one) => runsOn(one, here)) && !binaries.some((one) => runsOn(one, there));
    })
    .map(([path]) => path);

describe('the lock file', () => {
  it('has no dependency of the server that builds native code, or is for one platform', () => {
    expect(native(lock())).toEqual([]);
  });

  it('has every binary that development needs for x64 and for arm64', () => {
    expect(missing(lock(), 'x64', 'arm64')).toEqual([]);
    expect(missing(lock(), 'arm64', 'x64')).toEqual([]);
  });

  it('is seen to have such a dependency, and to lack such a binary', () => {
    const packages = lock();
    packages['node_modules/ws'].hasInstallScript = true;
    packages['node_modules/pino'].cpu = ['x64'];
    expect(native(packages)).toEqual(['node_modules/pino', 'node_modules/ws']);
    delete packages['node_modules/@esbuild/linux-arm64'];
    expect(missing(packages, 'x64', 'arm64')).toEqual(['node_modules/esbuild']);
  });
});
