import { afterEach, describe, expect, it } from '@jest/globals';
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import type { OpenMetricsContentType } from 'prom-client';
import { NestFactory } from '@nestjs/core';
import {
  CairnSignalModule,
  CborWsAdapter,
  ConfigurationError,
  Exposition,
  StartupError,
} from '../../../src/embedding.js';
import { METRICS } from '../../../src/exposition/metric-table.js';
import { closeMounted, company, mount } from '../../support/mounted-application.js';
import { Peer } from '../../support/peer.js';

afterEach(closeMounted);

/** A registry as applications have it: with the metrics of the process, and one of their own. */
function registry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  new Counter({ name: 'orders_total', help: 'Orders.', registers: [register] }).inc(3);
  return register;
}

const namesIn = (text: string): string[] => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);

describe("the application's own registry", () => {
  it('has our metrics beside its own, read whenever it is', async () => {
    const register = registry();
    const before = namesIn(await register.metrics());
    const { url } = await mount({ register });
    expect(namesIn(await register.metrics())).toEqual([...before, ...METRICS.map(({ name }) => name)]);
    await Peer.connect(url);
    const text = await register.metrics();
    expect(text).toMatch(/^cairn_signal_connections 1$/m);
    expect(text).toMatch(/^cairn_signal_connections_opened_total 1$/m);
    expect(text).toMatch(/^orders_total 3$/m);
  });

  it('has no metrics of the process from us, so the application may collect them later', async () => {
    const register = new Registry();
    await mount({ register });
    expect(namesIn(await register.metrics()).filter((name) => !name.startsWith('cairn_signal_'))).toEqual([]);
    expect(() => collectDefaultMetrics({ register })).not.toThrow();
  });

  it('may be in OpenMetrics, and Exposition goes on beside it', async () => {
    const register = new Registry<OpenMetricsContentType>();
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const { application } = await mount({ register });
    const own = application.get(Exposition);
    for (const text of [await register.metrics(), await own.text(), await register.metrics()]) {
      expect(text).toMatch(
        /^# TYPE cairn_signal_connections_opened counter\ncairn_signal_connections_opened_total 0$/m,
      );
    }
    expect(await own.plainText()).toContain('# TYPE cairn_signal_connections_opened_total counter\n');
  });

  it('is given back at the end, so that the next application may use it', async () => {
    const register = registry();
    const before = namesIn(await register.metrics());
    for (let i = 0; i < 2; i++) {
      await mount({ register });
      await closeMounted();
      expect(namesIn(await register.metrics())).toEqual(before);
    }
  });

  it('comes from a factory too', async () => {
    const register = new Registry();
    const registration = CairnSignalModule.forRootAsync({
      useFactory: () => ({ register, settings: { maxConnections: 9 } }),
    });
    const app = await NestFactory.create(registration, { logger: false, abortOnError: false });
    app.useWebSocketAdapter(new CborWsAdapter(app));
    await app.init();
    expect(await register.metrics()).toContain('cairn_signal_ready');
    await app.close();
  });

  it('stops the start where another application uses it, and takes nothing from that one', async () => {
    const register = new Registry();
    await mount({ register });
    const other = await NestFactory.create(company({ register }).module, { logger: false, abortOnError: false });
    other.useWebSocketAdapter(new CborWsAdapter(other));
    const started = other.init();
    await expect(started).rejects.toThrow(StartupError);
    await expect(started).rejects.toThrow(
      /^the option register: this registry already has cairn_signal_build_info, .* and \d+ more\. .*a registry of its own$/,
    );
    await other.close();
    expect(await register.metrics()).toMatch(/^cairn_signal_ready 1$/m);
  });

  it('stops the start together with everything else that does', async () => {
    const register = new Registry();
    register.registerMetric(new Counter({ name: 'cairn_signal_deliveries_total', help: 'Of another.', registers: [] }));
    const app = await NestFactory.create(company({ register }).module, { logger: false, abortOnError: false });
    await expect(app.init()).rejects.toThrow(
      /useWebSocketAdapter.*\nthe option register: this registry already has cairn_signal_deliveries_total\. /,
    );
    await app.close();
    expect(namesIn(await register.metrics())).toEqual(['cairn_signal_deliveries_total']);
  });

  it.each([[null], ['prom-client'], [{}], [new Map()]])('is a fault if it is none: %p', (register) => {
    const make = (): unknown => CairnSignalModule.forRoot({ register: register as never });
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow('register: expected a Registry of prom-client');
  });
});
