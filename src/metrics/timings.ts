import { Injectable } from '@nestjs/common';
import { Histogram } from 'prom-client';

/** From a moment to half an hour: people pair devices by hand. In seconds. */
const MEETING_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** In seconds. */
const HANDLING_BUCKETS = [2e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 1e-3, 1e-2, 1e-1];

/** The metrics that this makes. */
export const TIMED = {
  meeting: {
    name: 'cairn_signal_topic_meeting_seconds',
    help: 'Time from the first subscriber of a topic to its second.',
  },
  recordFound: {
    name: 'cairn_signal_record_found_seconds',
    help: 'Time from a record to its first hit by another connection.',
  },
  relayHandling: {
    name: 'cairn_signal_relay_handling_seconds',
    help: 'Time to handle a relay, measured on one of 128 messages.',
  },
} as const;

/** How long things took, of this node alone. The domain tells it in milliseconds; knows neither topics nor peers. */
@Injectable()
export class Timings {
  readonly meeting = new Histogram({ ...TIMED.meeting, buckets: MEETING_BUCKETS, registers: [] });
  readonly recordFound = new Histogram({ ...TIMED.recordFound, buckets: MEETING_BUCKETS, registers: [] });
  readonly relayHandling = new Histogram({ ...TIMED.relayHandling, buckets: HANDLING_BUCKETS, registers: [] });

  /** A topic has its second subscriber, so long after its first. */
  met(milliseconds: number): void {
    this.meeting.observe(milliseconds / 1000);
  }

  /** Another connection found a record for the first time, so long after it was left. */
  found(milliseconds: number): void {
    this.recordFound.observe(milliseconds / 1000);
  }

  /** A relay was read and handed to its subscribers. */
  relayed(milliseconds: number): void {
    this.relayHandling.observe(milliseconds / 1000);
  }
}
