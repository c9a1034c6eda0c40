import { Injectable } from '@nestjs/common';
import { Histogram } from 'prom-client';

/** Buckets in seconds, from a moment to half an hour: people pair devices by hand. */
const MEETING_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** Buckets in seconds. */
const HANDLING_BUCKETS = [2e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 1e-3, 1e-2, 1e-1];
/** Buckets in seconds. The objective for relays (docs/operations.md) is one of them. */
const RELAY_BUCKETS = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1];

/** Name and help text of each histogram. */
export const TIMED = {
  meeting: {
    name: 'cairn_signal_topic_meeting_seconds',
    help: 'Time from the first subscriber of a topic to its second.',
  },
  recordFound: {
    name: 'cairn_signal_record_found_seconds',
    help: 'Time from leaving a record until another connection first finds it.',
  },
  relayHandling: {
    name: 'cairn_signal_relay_handling_seconds',
    help: 'Time to handle a relay. One message in 128 is timed.',
  },
  relay: {
    name: 'cairn_signal_relay_seconds',
    help: 'Time from reading a relay until it is written to the sockets of its subscribers. One message in 128 is timed.',
  },
} as const;

/** Owns the histograms of this node. The domain reports durations in milliseconds. Knows neither topics nor peers. */
@Injectable()
export class Timings {
  readonly meeting = new Histogram({ ...TIMED.meeting, buckets: MEETING_BUCKETS, registers: [] });
  readonly recordFound = new Histogram({ ...TIMED.recordFound, buckets: MEETING_BUCKETS, registers: [] });
  readonly relayHandling = new Histogram({ ...TIMED.relayHandling, buckets: HANDLING_BUCKETS, registers: [] });
  readonly relay = new Histogram({ ...TIMED.relay, buckets: RELAY_BUCKETS, registers: [] });

  /** A topic got its second subscriber this many milliseconds after its first. */
  met(milliseconds: number): void {
    this.meeting.observe(milliseconds / 1000);
  }

  /** Another connection found a record for the first time, this many milliseconds after it was left. */
  found(milliseconds: number): void {
    this.recordFound.observe(milliseconds / 1000);
  }

  /** A relay was read and handed to its subscribers in this many milliseconds. */
  relayed(milliseconds: number): void {
    this.relayHandling.observe(milliseconds / 1000);
  }

  /** A relay was written to the sockets of its subscribers, this many milliseconds after it was read. */
  wrote(milliseconds: number): void {
    this.relay.observe(milliseconds / 1000);
  }
}
