import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReadBuffer } from '../../../src/transport/read-buffer.js';
import { makeCertificates } from '../../support/certificates.js';
import type { Certificates } from '../../support/certificates.js';
import { socketPair } from '../../support/socket-pair.js';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());

describe('read buffer', () => {
  it.each(['TCP', 'TLS'])(
    'R5: on this Node, a socket that was accepted over %s is read into it, and ends like any other',
    async (kind) => {
      const [socket, peer] = await socketPair(kind === 'TLS' ? certificates : undefined);
      const buffer = new ReadBuffer();
      const read: string[] = [];
      const all = new Promise<void>((resolve) => {
        const taken = buffer.readInto(socket, (length) => {
          read.push(buffer.bytes.toString('latin1', buffer.start, buffer.start + length));
          if (read.join('').length === 6) resolve();
        });
        expect(taken).toBe(true);
      });
      socket.on('data', () => expect('read').toBe('into the buffer'));
      peer.write('one');
      peer.write('two');
      await all;
      expect(read.join('')).toBe('onetwo');

      // While paused, it is not read.
      socket.pause();
      peer.write('three');
      socket.resume();
      const ended = once(socket, 'end');
      peer.end();
      await ended;
      expect(read.join('')).toBe('onetwothree');
      socket.destroy();
    },
  );

  it('R5: a socket without those internals is left unchanged', () => {
    expect(new ReadBuffer().readInto({ _handle: {} } as unknown as Socket, () => undefined)).toBe(false);
  });
});
