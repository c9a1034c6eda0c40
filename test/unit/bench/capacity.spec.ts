import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { capacityArguments } from '../../../bench/arguments.mjs';
import { capacityPage, capacityTable } from '../../../bench/capacity-page.mjs';
import { highest, roomFor, SIZES } from '../../../bench/capacity-plan.mjs';
import { Container } from '../../../bench/container.mjs';

const MIB = 1024 * 1024;
const read = (path: string): string => readFileSync(path, 'utf8');

describe('the highest rate that is good', () => {
  /** Looks for the rate `truth`, and returns what was found and asked. */
  async function search(truth: number, from = 250, most = 64_000): Promise<{ found: number; asked: number[] }> {
    const asked: number[] = [];
    const found = await highest(
      (rate) => {
        asked.push(rate);
        return Promise.resolve(rate <= truth);
      },
      from,
      most,
    );
    return { found, asked };
  }

  it.each([250, 251, 499, 1000, 12_345, 63_999])('is found within a tenth: %d', async (truth) => {
    const { found, asked } = await search(truth);
    expect(found).toBeLessThanOrEqual(truth);
    expect(found * 1.1).toBeGreaterThanOrEqual(truth);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.length).toBeLessThan(14);
  });

  it('is none where the lowest is bad', async () => {
    expect(await search(249)).toEqual({ found: 0, asked: [250] });
  });

  it('is the most that may be asked for where that is good', async () => {
    const { found, asked } = await search(1e9, 250, 3000);
    expect([found, asked]).toEqual([3000, [250, 500, 1000, 2000, 3000]]);
  });
});

describe('idle connections that fit into a container', () => {
  const empty = { workingSet: 60 * MIB, heap: 20 * MIB };

  it.each([
    ['its memory', { memoryMiB: 512, oldSpaceMiB: 512 }, { workingSet: 160, heap: 30 }, 34_960],
    ['the heap', { memoryMiB: 2048, oldSpaceMiB: 100 }, { workingSet: 160, heap: 70 }, 12_000],
  ])('are bounded by %s', (_what, size, { workingSet, heap }, room) => {
    const filled = { connections: 10_000, workingSet: workingSet * MIB, heap: heap * MIB };
    expect(roomFor(size, empty, filled)).toBe(room);
  });
});

describe('a container', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cgroups-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const run = ({ wrapper: [file, ...args] }: Container): string => {
    const { stdout } = spawnSync(file, [...args, 'sh', '-c', 'echo $$'], { encoding: 'utf8' });
    return stdout.trim();
  };

  it('is a cgroup of version 2', () => {
    writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory');
    const container = new Container({ memoryMiB: 256, cpus: 0.5 }, root);
    const name = readdirSync(root).find((file) => file.startsWith('cairn-signal-bench-'))!;
    const folder = join(root, name);
    expect(read(join(root, 'cgroup.subtree_control'))).toBe('+memory +cpu');
    expect(read(join(folder, 'memory.max'))).toBe(String(256 * MIB));
    expect(read(join(folder, 'memory.swap.max'))).toBe('0');
    expect(read(join(folder, 'cpu.max'))).toBe('50000 100000');
    const pid = run(container);
    expect(pid).toMatch(/^\d+$/);
    expect(read(join(folder, 'cgroup.procs')).trim()).toBe(pid);
    writeFileSync(join(folder, 'memory.current'), '5000\n');
    writeFileSync(join(folder, 'memory.stat'), 'anon 1\nactive_file 7\ninactive_file 2000\n');
    expect(container.workingSet).toBe(3000);
  });

  it('is two cgroups of version 1', () => {
    for (const controller of ['memory', 'cpu']) mkdirSync(join(root, controller));
    const container = new Container({ memoryMiB: 2048, cpus: 2 }, root);
    const [name] = readdirSync(join(root, 'cpu'));
    const [memory, cpu] = [join(root, 'memory', name), join(root, 'cpu', name)];
    expect(read(join(memory, 'memory.limit_in_bytes'))).toBe(String(2048 * MIB));
    expect([read(join(cpu, 'cpu.cfs_period_us')), read(join(cpu, 'cpu.cfs_quota_us'))]).toEqual(['100000', '200000']);
    const pid = run(container);
    expect([memory, cpu].map((folder) => read(join(folder, 'cgroup.procs')).trim())).toEqual([pid, pid]);
    writeFileSync(join(memory, 'memory.usage_in_bytes'), '5000\n');
    writeFileSync(join(memory, 'memory.stat'), 'inactive_file 1\ntotal_inactive_file 2000\n');
    expect(container.workingSet).toBe(3000);
    for (const folder of [memory, cpu]) for (const file of readdirSync(folder)) rmSync(join(folder, file));
    container.remove();
    container.remove();
    expect([memory, cpu].map((folder) => existsSync(folder))).toEqual([false, false]);
  });
});

describe('docs/capacity.md', () => {
  const result = JSON.parse(read('bench/capacity.json'));

  it('is what bench/capacity.json says', () => {
    expect(read('docs/capacity.md')).toBe(capacityPage(result));
  });

  it('has every size', () => {
    expect(result.sizes.map(({ name }: { name: string }) => name)).toEqual(SIZES.map(({ name }) => name));
  });

  it.each([
    [64_000, 'over 64,000'],
    [5150, '5,200'],
    [0, 'under 250'],
  ])('has two digits of each figure: %d relays', (perSecond, relays) => {
    const [size] = result.sizes;
    const found = { ...size, idle: { connections: 36_005 }, arrivals: { perSecond: 722.1 } };
    const row = capacityTable({
      sizes: [
        {
          ...found,
          relays: { perSecond, least: 250, most: 64_000 },
          fanOut: { perSecond: 9.96, subscribers: 250, p99: 98.5 },
        },
      ],
    }).split('\n')[2];
    expect(row).toContain(`| 36,000 | 720 | ${relays} | 10 | 250 in 99 ms |`);
  });
});

describe('the arguments of bench:capacity', () => {
  it('choose sizes by their memory', () => {
    expect(capacityArguments(['--only', '512,128'], SIZES).only.map(({ memoryMiB }) => memoryMiB)).toEqual([128, 512]);
    expect(capacityArguments([], SIZES).only).toEqual(SIZES);
  });

  it.each([
    [['--only', '300'], /--only: 300 is not one of 128, 256, 512, 1024, 2048/],
    [['--json', ''], /--json: expected the name of a file/],
    [['--repeat', '0'], /--repeat/],
  ])('%j are wrong', (args, fault) => {
    expect(() => capacityArguments(args, SIZES)).toThrow(fault);
  });
});
