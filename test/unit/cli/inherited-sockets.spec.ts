import { describe, expect, it } from '@jest/globals';
import { inheritedSockets } from '../../../src/cli/inherited-sockets.js';

describe('sockets that systemd passes', () => {
  it.each([
    ['none', {}, {}],
    ['one', { LISTEN_FDS: '1', LISTEN_PID: '7' }, { listen: { fd: 3 } }],
    ['two', { LISTEN_FDS: '2', LISTEN_PID: '7' }, { listen: { fd: 3 }, management: { fd: 4 } }],
    [
      'two with names, the other way round',
      { LISTEN_FDS: '2', LISTEN_PID: '7', LISTEN_FDNAMES: 'management:peers' },
      { listen: { fd: 4 }, management: { fd: 3 } },
    ],
    [
      'one for operators',
      { LISTEN_FDS: '1', LISTEN_PID: '7', LISTEN_FDNAMES: 'management' },
      { management: { fd: 3 } },
    ],
    ['those of another process', { LISTEN_FDS: '1', LISTEN_PID: '8' }, {}],
    ['those of nobody', { LISTEN_FDS: '1' }, {}],
    ['no number', { LISTEN_FDS: 'x', LISTEN_PID: '7' }, {}],
    ['zero', { LISTEN_FDS: '0', LISTEN_PID: '7' }, {}],
  ])('%s', (_what, environment, sockets) => {
    expect(inheritedSockets(environment, 7)).toEqual(sockets);
  });
});
