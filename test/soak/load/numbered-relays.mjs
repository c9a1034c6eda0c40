import { told } from '../soak-client.mjs';

/**
 * The relays of one member to its topic, numbered from 0, and how far each of their receivers has come.
 * Invariant: a receiver that did not get every message once, in order and byte for byte is a fault, and so is a receipt
 * that says something else.
 */
export class NumberedRelays {
  #round;
  #kind;
  #sender;
  #sent = 0;
  #due = new Map();
  /** The receipt of the last relay, before which those of all others come. */
  #last = Promise.resolve();

  /** `sender` is the topic as its member sees it. */
  constructor(round, kind, sender) {
    this.#round = round;
    this.#kind = kind;
    this.#sender = sender;
  }

  sendNext() {
    this.#last = this.#send(numbered(this.#sent));
    this.#sent += 1;
    this.#round.count('relays sent');
  }

  /** Makes `receiver`, the topic as another member sees it, expect every message, and no other. */
  receiveAt(receiver) {
    this.#due.set(receiver, 0);
    receiver.addEventListener('message', ({ payload }) => this.#received(receiver, Buffer.from(payload)));
  }

  /** Ends the sending: waits until everything has been handled and delivered, and checks that nothing is missing. */
  async finish() {
    await this.#last;
    const late = [...this.#due.keys()].map((receiver) =>
      told(receiver, 'message', 'the last relay', () => this.#due.get(receiver) >= this.#sent).catch(() =>
        this.#round.fault(
          `${this.#kind}: ${this.#sent} messages were sent, and at the end message ${this.#due.get(receiver)} was still due`,
        ),
      ),
    );
    await Promise.all(late);
  }

  async #send(payload) {
    try {
      const to = await this.#sender.send(payload);
      // Version 1 has no receipts.
      if (to !== undefined && to !== this.#due.size) {
        this.#round.fault(`${this.#kind}: a relay was handed to ${to} of ${this.#due.size}`);
      }
    } catch (error) {
      this.#round.fault(`${this.#kind}: a relay failed with ${error.code}`);
    }
  }

  #received(receiver, payload) {
    const due = this.#due.get(receiver);
    this.#due.set(receiver, due + 1);
    if (payload.equals(numbered(due))) {
      this.#round.count('honest deliveries');
      return;
    }
    const number = payload.length < 4 ? undefined : payload.readUInt32BE();
    this.#round.fault(
      `${this.#kind}: message ${due} was due, and ${number === due ? 'it came mutilated' : `message ${number} came`}`,
    );
    if (number > due) this.#due.set(receiver, number + 1);
  }
}

/** Lengths differ, because frames of different lengths have different heads. */
export function numbered(number) {
  const payload = Buffer.alloc(4 + ((number * 37) % 1500), number);
  payload.writeUInt32BE(number);
  return payload;
}
