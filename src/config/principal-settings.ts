import { count } from './values.js';

/** The part of the table of settings that is about what all peers of one principal have together. */
export const principalSettings = {
  maxConnectionsPerPrincipal: count(0, 10_000_000)
    .prefault(0)
    .meta({
      about:
        'Peers of one principal that may be connected to this node; 0 for no limit. Further ones are answered 429. ' +
        'The claim limits of a JWT, or a guard, may give a principal other numbers, here and below.',
    }),
  maxTopicsPerPrincipal: count(0, 10_000_000)
    .prefault(0)
    .meta({
      about:
        'Topics that all peers of one principal on this node together may subscribe to; 0 for no limit. ' +
        'Each peer counts. One more closes its connection with 1008.',
    }),
  maxMessagesPerSecondPerPrincipal: count(0, 1_000_000)
    .prefault(0)
    .meta({
      about:
        'Messages that all peers of one principal on this node together may send per second; 0 for no limit. ' +
        'They are read more slowly then. Nothing is lost.',
    }),
  messageBurstPerPrincipal: count(1, 1_000_000)
    .prefault(400)
    .meta({
      about:
        'Messages that all peers of one principal may send in a burst before max-messages-per-second-per-principal ' +
        'slows them down.',
    }),
};
