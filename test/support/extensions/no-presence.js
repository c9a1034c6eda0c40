/** Allows everything but to be told who is on a topic. */
export default class NoPresence {
  allows(principal, action) {
    return action !== 'presence';
  }
}
