import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { Backplane } from '../backplane/backplane.js';
import { Clock } from '../clock/clock.js';
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
    private readonly clock: Clock,
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
        backplane: {
          state: this.backplane.state,
          ...(this.backplane.trouble !== undefined && { reason: this.backplane.trouble }),
          roundTripMs: this.bus.roundTripMs ?? null,
          otherNodes: this.backplane.nodes.others.size,
        },
      }),
    };
    const up = (name: string) => this.indicators.check(name).up(facts[name]);
    const checks = Object.keys(facts).map((name) => () => up(name));
    return this.certificate.at === undefined ? checks : [...checks, () => this.certificateCheck()];
  }

  /** Returns whether the certificate is good; down only once it has expired, since peers can still connect before. */
  certificateCheck(): HealthIndicatorResult {
    const { at, warnings } = this.certificate;
    const indicator = this.indicators.check('certificate');
    if (at === undefined) return indicator.up();
    const facts = { validTo: new Date(at).toISOString(), ...(warnings.length > 0 && { warnings }) };
    return at < this.clock.now() ? indicator.down(facts) : indicator.up(facts);
  }
}
