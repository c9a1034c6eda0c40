import { stunUrls, turnUrls } from './ice-urls.js';
import { duration, filePath, onOff } from './values.js';

/** Settings of ICE servers: what peers that cannot reach each other are told to use (V11). */
export const iceSettings = {
  stunUrls: stunUrls.optional().meta({
    about: 'STUN servers that peers are told of, such as stun:stun.example.com:3478.',
  }),
  turnUrls: turnUrls.optional().meta({
    about:
      'TURN servers that peers are told of, such as turn:turn.example.com:3478?transport=udp, with credentials made ' +
      'from turn-secret-file. They share that secret: coturn calls it static-auth-secret.',
  }),
  iceProvider: filePath.optional().meta({
    about:
      'ES module that exports a class with a method iceServers. It gives peers the ICE servers of another service, in ' +
      'place of turn-urls.',
  }),
  turnSecretFile: filePath.optional().meta({
    about:
      'File of the secret that turn-urls share, of at least 32 characters. The first line makes credentials; further ' +
      'lines are for the reader, such as the secret before. Read again when it changes.',
  }),
  turnTtl: duration('5m', '24h')
    .prefault('1h')
    .meta({
      about:
        'How long TURN credentials open new allocations. An allocation that exists may outlive them. ice-provider is ' +
        'asked for as long.',
    }),
  turnOpen: onOff.prefault('off').meta({
    about:
      'Whether a server that anyone may use hands out TURN credentials too. Then anyone may send traffic through ' +
      'the TURN servers.',
  }),
};
