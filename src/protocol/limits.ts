/**
 * The limits that a peer can reach, each by the name of its setting. docs/protocol.md says what the server then does.
 */
export const LIMITS = [
  'max-message-bytes',
  'max-topic-bytes',
  'max-topics-per-connection',
  'max-topics-per-principal',
  'max-subscribers-per-topic',
  'max-subscriptions',
  'presence-data-bytes',
  'presence-total-bytes',
  'max-messages-per-second',
  'max-messages-per-second-per-principal',
  'max-buffered-bytes',
  'max-buffered-total-bytes',
  'max-unfinished-total-bytes',
  'pong-timeout',
  'max-connections',
  'max-connections-per-ip',
  'max-connections-per-principal',
  'max-plain-connections',
  'max-wrong-tokens',
  'allowed-origins',
] as const;

export type Limit = (typeof LIMITS)[number];
