import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { descriptorFault } from '../../../src/logging/device.js';

describe('a descriptor that lines are to be written to', () => {
  let descriptor: number | undefined;
  afterEach(() => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  });

  it.each([
    ['a device', '/dev/null', 'a', undefined],
    ['a device that is full', '/dev/full', 'a', undefined],
    ['only read', '/dev/null', 'r', 'is not open for writing'],
    ['a folder', '/tmp', 'r', 'is not open for writing'],
  ])('may be one that is %s: %s', (_what, path, flags, fault) => {
    descriptor = openSync(path, flags);
    expect(descriptorFault(descriptor)).toBe(fault);
  });

  it('is open', () => {
    expect(descriptorFault(100_000)).toBe('is not open for writing');
  });

  it('is not a socket that listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    expect(descriptorFault(fd)).toBe('is a socket that is not connected');
    server.close();
  });
});
