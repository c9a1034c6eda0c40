/** The limits that a peer can run into, each by the setting that moves it; what was done about it is in docs/protocol.md. */
export const LIMITS = [
  'max-message-bytes',
  'max-topic-bytes',
  'max-topics-per-connection',
  'max-subscribers-per-topic',
  'max-subscriptions',
  'max-messages-per-second',
  'max-buffered-bytes',
  'max-buffered-total-bytes',
  'max-unfinished-total-bytes',
  'pong-timeout',
  'max-connections',
  'max-connections-per-ip',
  'max-plain-connections',
  'max-wrong-tokens',
  'allowed-origins',
] as const;

export type Limit = (typeof LIMITS)[number];
