import { payloadOf, relayMessage } from '../soak-peer.mjs';

/**
 * The relays of one sender to one topic, numbered from 0, and how far each of their receivers has come.
 * Invariant: a receiver that did not get every message once, in order and byte for byte is a fault.
 */
export class NumberedRelays {
  #round;
  #kind;
  #sender;
  #topic;
  #sent = 0;
  #due = new Map();

  constructor(round, kind, sender, topic) {
    this.#round = round;
    this.#kind = kind;
    this.#sender = sender;
    this.#topic = topic;
  }

  sendNext() {
    this.#sender.send(this.#message(this.#sent));
    this.#sent += 1;
    this.#round.count('relays sent');
  }

  /** Makes `receiver` expect every message, and no other. */
  receiveAt(receiver) {
    this.#due.set(receiver, 0);
    receiver.socket.on('message', () => this.#received(receiver, receiver.received.shift()));
  }

  /** Ends the sending: waits until everything has been handled and delivered, and checks that nothing is missing. */
  async finish() {
    await this.#sender.sync();
    for (const receiver of this.#due.keys()) {
      await receiver.sync();
      const due = this.#due.get(receiver);
      if (due !== this.#sent) {
        this.#round.fault(
          `${this.#kind}: ${this.#sent} messages were sent, and at the end message ${due} was still due`,
        );
      }
    }
  }

  #received(receiver, message) {
    const due = this.#due.get(receiver);
    this.#due.set(receiver, due + 1);
    if (message.equals(this.#message(due))) {
      this.#round.count('honest deliveries');
      return;
    }
    const number = numberOf(message);
    this.#round.fault(
      `${this.#kind}: message ${due} was due, and ${number === due ? 'it came mutilated' : `message ${number} came`}`,
    );
    if (number > due) this.#due.set(receiver, number + 1);
  }

  /** Lengths differ, because frames of different lengths have different heads. */
  #message(number) {
    const payload = Buffer.alloc(4 + ((number * 37) % 1500), number);
    payload.writeUInt32BE(number);
    return relayMessage(this.#topic, payload);
  }
}

function numberOf(message) {
  try {
    return payloadOf(message).readUInt32BE();
  } catch {
    return undefined;
  }
}
