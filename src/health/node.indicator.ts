import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { Backplane } from '../backplane/backplane.js';
import { BackplaneCounts } from '../metrics/backplane-counts.js';
import { CertificateExpiry } from '../metrics/certificate-expiry.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { VERSION } from '../version.js';

/** How this node is, in figures that decide nothing: whoever is on duty reads them first. Names no topic and no peer. */
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

  /** One check for each thing that is there. */
  checks(): (() => HealthIndicatorResult)[] {
    const facts: Record<string, Record<string, unknown>> = {
      process: {
        version: VERSION,
        node: process.version,
        uptimeSeconds: Math.floor(process.uptime()),
        residentBytes: process.memoryUsage.rss(),
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
    return Object.entries(facts).map(
      ([name, fact]) =>
        () =>
          this.indicators.check(name).up(fact),
    );
  }
}
