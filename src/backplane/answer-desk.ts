import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import { AnswerLine } from './answer-line.js';
import type { Wanted } from './interest.js';
import { canWait, give, isOffer } from './questions.js';
import type { Questions } from './questions.js';
import type { RoundTrips } from './round-trips.js';

/** An answer without records: an empty list. */
export const NOTHING = Buffer.of(0x5b, 0x5d);
/** Seconds after which a node that shared a topic of records asks whether it still does. */
const CHECK_AGAIN_SECONDS = 5;

/**
 * Answers the questions of other nodes about the topics that this one offers, now or later, and says whether no other
 * node offers them. Owns the line of late answers. Knows nothing of the content.
 * Invariant: an answer says that it is the only one only if NATS said so, and no other node has offered the topic since.
 */
export class AnswerDesk {
  readonly #line: AnswerLine<Wanted>;

  /** `connected` returns the connection while it is up. */
  constructor(
    private readonly questions: Questions,
    private readonly trips: RoundTrips,
    private readonly clock: Clock,
    private readonly counts: BackplaneCounts,
    private readonly connected: () => NatsConnection | undefined,
  ) {
    this.#line = new AnswerLine(
      clock,
      () => !questions.spent && !trips.full,
      (offered, reply) => this.#answerLate(offered, reply),
      () => (counts.questionsDropped += 1),
    );
  }

  /** Answers a question. The answer counts as bytes on their way, like a published message. */
  answer(offered: Wanted, question: Msg): void {
    if (isOffer(question)) {
      offered.alone = false;
      return;
    }
    const connection = this.connected();
    const { reply } = question;
    if (reply === undefined || reply === '') {
      this.counts.dropped.malformed += 1;
    } else if (this.trips.full) {
      this.counts.dropped.slow += 1;
    } else if (connection === undefined) {
      // The question came just before the connection was lost.
    } else if ((this.questions.spent || !this.#line.empty) && canWait(reply) && this.#line.push(offered, reply)) {
      give(connection, reply, undefined, { late: true });
      this.trips.sent(0);
    } else {
      this.#answerNow(connection, offered, reply);
    }
  }

  /** Tells the other nodes that offer a topic that this one does, and learns whether there are any. */
  lookAround(offered: Wanted): void {
    const connection = this.connected();
    if (connection === undefined) return;
    const first = offered.checked === 0;
    offered.checked = this.#seconds();
    // What another server of the cluster has learnt is known here a moment later: the first answer is too early.
    const tooEarly = first && connection.info?.cluster !== undefined;
    this.questions.offer(offered.topic, (nobody) => {
      if (nobody && !tooEarly) offered.alone = true;
    });
  }

  /** Forgets the answers that wait: nobody waits for them any more. */
  clear(): void {
    this.#line.clear();
  }

  #answerNow(connection: NatsConnection, offered: Wanted, reply: string): void {
    const answer = this.questions.answer(offered.topic, mostOf(connection));
    if (answer === undefined) return;
    give(connection, reply, answer, { alone: offered.alone });
    if (!offered.alone && this.#seconds() - offered.checked >= CHECK_AGAIN_SECONDS) this.lookAround(offered);
    this.trips.sent(answer.length);
  }

  /** Gives an answer that was promised. */
  #answerLate({ topic, alone }: Wanted, reply: string): void {
    const connection = this.connected();
    if (connection === undefined) return;
    const answer = this.questions.answer(topic, mostOf(connection)) ?? NOTHING;
    give(connection, reply, answer, { alone, late: true });
    this.trips.sent(answer.length);
  }

  /** Whole seconds, from 1. */
  #seconds(): number {
    return 1 + Math.floor(this.clock.monotonic() / 1000);
  }
}

/** Maximum number of bytes in a message on the bus. */
function mostOf(connection: NatsConnection): number {
  return connection.info?.max_payload ?? 0;
}
