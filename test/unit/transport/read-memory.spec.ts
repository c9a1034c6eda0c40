import { describe, expect, it } from '@jest/globals';
import { ReadMemory } from '../../../src/transport/read-memory.js';

const MIB = 1024 * 1024;

describe('memory of what was read', () => {
  it('L2: is collected once for every 4 MiB, in whatever portions they come', () => {
    const kinds: string[] = [];
    const memory = new ReadMemory(({ type }) => void kinds.push(type));
    for (let i = 0; i < 1024; i++) memory.count(4 * 1024 - 1);
    expect(kinds).toEqual([]);
    memory.count(1024);
    expect(kinds).toEqual(['minor']);
    memory.count(3 * MIB);
    memory.count(2 * MIB);
    expect(kinds).toEqual(['minor', 'minor']);
  });

  it('L2: the collector that V8 brings along frees what nobody refers to', () => {
    const memory = new ReadMemory();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 256; i++) memory.count(Buffer.alloc(MIB).length);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * MIB);
  });
});
