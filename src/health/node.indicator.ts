import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { Backplane } from '../backplane/backplane.js';
import { BackplaneCounts } from '../metrics/backplane-counts.js';
import { CertificateExpiry } from '../metrics/certificate-expiry.js';
import { residentBytes } from '../metrics/process-memory.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { VERSION } from '../version.js';

/**
 * Reports figures of this node that decide nothing: the first ones that a person on duty reads. Names no topic and no
 * peer.
 */
@Injectable()
export class NodeIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly connections: ConnectionRegistry,
    private readonly topics: TopicRegistry,
    private readonly backplane: Backplane,
    private readonly bus: BackplaneCounts,
    private readonly certificate: CertificateExpiry,
  ) {}

  /** Returns one check per part of the node; parts that this node does not have are left out. */
  checks(): (() => HealthIndicatorResult)[] {
    const facts: Record<string, Record<string, unknown>> = {
      process: {
        version: VERSION,
        node: process.version,
        uptimeSeconds: Math.floor(process.uptime()),
        residentBytes: residentBytes() ?? null,
      },
      presence: {
        connections: this.connections.size,
        topics: this.topics.size,
        lonelyTopics: this.topics.lonely,
        subscriptions: this.topics.subscriptions,
      },
      ...(this.backplane.state !== 'off' && {
        backplane: { state: this.backplane.state, roundTripMs: this.bus.roundTripMs ?? null },
      }),
      ...(this.certificate.at !== undefined && {
        certificate: { validTo: new Date(this.certificate.at).toISOString() },
      }),
    };
    const up = (name: string) => this.indicators.check(name).up(facts[name]);
    return Object.keys(facts).map((name) => () => up(name));
  }
}
