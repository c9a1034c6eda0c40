import { afterAll, beforeAll } from '@jest/globals';
import { LocalBackplane } from '../../src/backplane/local-backplane.js';
import { NatsBackplane } from '../../src/backplane/nats-backplane.js';
import { SystemClock } from '../../src/clock/clock.js';
import { parseSettings } from '../../src/config/load-settings.js';
import { Logs } from '../../src/logging/log.js';
import { BackplaneCounts } from '../../src/metrics/backplane-counts.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { backplaneContract } from './backplane.contract.js';

backplaneContract(
  'LocalBackplane',
  (count) =>
    Promise.resolve({
      backplanes: Array.from({ length: count }, () => new LocalBackplane()),
      stop: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
  false,
);

describeWithNats('with NATS', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await NatsServer.start();
  });
  afterAll(() => NatsServer.stopAll());

  const logs = new Logs({ format: 'json', destination: { write: () => undefined } });
  backplaneContract(
    'NatsBackplane',
    async (count) => {
      const settings = parseSettings({ natsUrl: nats.url });
      const parts = { settings, clock: new SystemClock(), log: logs.for('backplane') };
      const backplanes = await Promise.all(
        Array.from({ length: count }, () => NatsBackplane.join({ ...parts, counts: new BackplaneCounts() })),
      );
      return {
        backplanes,
        stop: (node) => backplanes[node].onApplicationShutdown(),
        close: async () => void (await Promise.all(backplanes.map((backplane) => backplane.onApplicationShutdown()))),
      };
    },
    true,
  );
});
