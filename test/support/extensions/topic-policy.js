/**
 * Allows everything with topics that begin with "open", only subscribing with topics that begin with "read", and
 * nothing else.
 */
export default class ByPrefix {
  allows(principal, action, topic) {
    return topic.startsWith('open') || (topic.startsWith('read') && action === 'subscribe');
  }
}
