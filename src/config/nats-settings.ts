import { bearerToken, filePath, natsServers, subjectPrefix, userName } from './values.js';

/** The part of the table of settings that is about NATS. */
export const natsSettings = {
  natsUrl: natsServers.optional().meta({
    about:
      'NATS servers through which several nodes share topics, such as nats://nats.example.com:4222. ' +
      'tls:// asks for TLS. Without a server, this node is alone.',
  }),
  natsCreds: filePath.optional().meta({
    about:
      'File of NATS credentials (a user JWT and its seed) that this node connects with. ' +
      'Read again for each connection to NATS.',
  }),
  natsToken: bearerToken.optional().meta({ about: 'Token that this node shows to NATS.' }),
  natsTokenFile: filePath.optional().meta({
    about: 'File of the token that this node shows to NATS. Read again for each connection to NATS.',
  }),
  natsUser: userName.optional().meta({
    about: 'User name that this node shows to NATS. Needs nats-password or nats-password-file.',
  }),
  natsPassword: bearerToken.optional().meta({ about: 'Password that belongs to nats-user.' }),
  natsPasswordFile: filePath.optional().meta({
    about: 'File of the password that belongs to nats-user. Read again for each connection to NATS.',
  }),
  natsNkey: filePath.optional().meta({
    about:
      'File of the seed of a NATS user (an nkey, beginning with SU), which proves who this node is without being ' +
      'sent. Read again for each connection to NATS.',
  }),
  natsTlsCa: filePath.optional().meta({
    about:
      'Certificate authority (PEM) that must have issued the certificates of the NATS servers. ' +
      'It turns on TLS to NATS.',
  }),
  natsTlsCert: filePath
    .optional()
    .meta({ about: 'Certificate (PEM) that this node shows to NATS. Needs nats-tls-key.' }),
  natsTlsKey: filePath.optional().meta({ about: 'Private key (PEM) that belongs to nats-tls-cert.' }),
  natsSubjectPrefix: subjectPrefix
    .prefault('cairn')
    .meta({ about: 'Prefix of the NATS subjects of this service. Nodes with the same prefix share topics.' }),
};
