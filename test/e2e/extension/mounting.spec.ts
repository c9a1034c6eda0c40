import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { CairnSignalModule } from '../../../src/cairn-signal.module.js';
import { Lifecycle } from '../../../src/lifecycle/lifecycle.js';
import { Logs } from '../../../src/logging/log.js';
import { CborWsAdapter } from '../../../src/transport/cbor-ws-adapter.js';

const logs = new Logs({ format: 'json', destination: { write: () => undefined } });

@Module({ imports: [CairnSignalModule.register({ settings: { authToken: 's3cret', maxConnections: 100 }, logs })] })
class Guarded {}

@Module({ imports: [CairnSignalModule.register({ settings: { maxConnections: 100 }, logs })] })
class Open {}

@Module({ imports: [Guarded, Open] })
class Both {}

describe('an application that mounts the server', () => {
  it('does not start if it mounts the server twice, however its own modules are nested', async () => {
    await expect(NestFactory.create(Both, { logger: false, abortOnError: false })).rejects.toThrow(
      'CairnSignalModule is registered more than once',
    );
  });

  it('starts if the module that mounts the server is imported twice', async () => {
    @Module({ imports: [Open] })
    class Other {}
    @Module({ imports: [Open, Other] })
    class Once {}
    const app = await NestFactory.create(Once, { logger: false, abortOnError: false });
    app.useWebSocketAdapter(new CborWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    try {
      expect(app.get(Lifecycle, { strict: false }).phase).toBe('serving');
    } finally {
      await app.close();
    }
  });
});
