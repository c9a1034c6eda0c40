import { Controller, Get, Injectable } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import type { HealthCheckResult } from '@nestjs/terminus';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HealthIndicatorsModule, Lifecycle, NodeIndicator, ReadinessIndicator } from '../../../src/embedding.js';
import { closeMounted, mount } from '../../support/mounted-application.js';
import type { MountedApplication } from '../../support/mounted-application.js';
import { describeWithNats, NatsServer } from '../../support/nats-server.js';
import { Peer } from '../../support/peer.js';
import { until } from '../../support/until.js';

@Controller('company-health')
@Injectable()
class CompanyHealth {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: ReadinessIndicator,
    private readonly node: NodeIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.readiness.check(), ...this.node.checks()]);
  }
}

const withHealth = { imports: [TerminusModule.forRoot({ logger: false })], controllers: [CompanyHealth] };

async function healthOf({ http }: MountedApplication): Promise<{ status: number; body: HealthCheckResult }> {
  const response = await fetch(`${http}/company-health`);
  return { status: response.status, body: (await response.json()) as HealthCheckResult };
}

afterEach(closeMounted);

describe("the application's own health check", () => {
  it.each([
    ['as it is', withHealth],
    ['with the module of the indicators', { ...withHealth, imports: [...withHealth.imports, HealthIndicatorsModule] }],
  ])('D1: tells whether the node is ready, and its figures: %s', async (_how, others) => {
    const mounted = await mount({}, others);
    await Peer.connect(mounted.url);
    const { status, body } = await healthOf(mounted);
    expect([status, body.status]).toEqual([200, 'ok']);
    expect(body.details).toMatchObject({
      signaling: { status: 'up', phase: 'serving' },
      presence: { status: 'up', connections: 1 },
      process: { status: 'up' },
    });
    mounted.application.get(Lifecycle).leave();
    const draining = await healthOf(mounted);
    expect([draining.status, draining.body.error]).toEqual([
      503,
      { signaling: { status: 'down', phase: 'lame-duck' } },
    ]);
  });

  it('brings no path of its own', async () => {
    const { http } = await mount({}, withHealth);
    const statuses = ['/health', '/health/live', '/health/ready'].map(
      async (path) => (await fetch(http + path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([404, 404, 404]);
  });
});

describeWithNats("the application's own health check, over NATS", () => {
  afterEach(() => NatsServer.stopAll());

  it('N4: follows backplane-required', async () => {
    const nats = await NatsServer.start();
    const mounted = await mount({ settings: { natsUrl: nats.url, backplaneRequired: 'on' } }, withHealth);
    expect((await healthOf(mounted)).status).toBe(200);
    await nats.kill();
    await until(async () => (await healthOf(mounted)).status === 503);
  });
});
