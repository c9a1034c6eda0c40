import { readFileSync } from 'node:fs';
import { afterAll, expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { BareSubscriptions, cut } from '../../src/backplane/nats-internals.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { until } from '../support/until.js';

/** Fails where a new version of the NATS client no longer has what BareSubscriptions uses below its API. */
describeWithNats('the NATS client below its API', () => {
  afterAll(() => NatsServer.stopAll());

  async function subscribed(nats: NatsServer): Promise<{
    readonly connection: NatsConnection;
    readonly subscriptions: BareSubscriptions;
    readonly arrived: string[];
    readonly id: number;
  }> {
    const connection = await connect({ servers: nats.url.replace('nats://', ''), reconnectTimeWait: 10 });
    const subscriptions = new BareSubscriptions();
    const arrived: string[] = [];
    const id = subscriptions.add({ receive: (message) => void arrived.push(`${message.subject} ${message.string()}`) });
    subscriptions.use(connection);
    subscriptions.subscribe(id, 'a.b');
    await connection.flush();
    return { connection, subscriptions, arrived, id };
  }

  it('is the version that was read', () => {
    const versionOf = (name: string): string | undefined =>
      /"version": "([^"]*)"/.exec(
        readFileSync(new URL(`../../node_modules/@nats-io/${name}/package.json`, import.meta.url), 'utf8'),
      )?.[1];
    expect(['transport-node', 'nats-core'].map(versionOf)).toEqual(['3.4.0', '3.4.0']);
  });

  it('lets messages reach bare subscriptions, once, beside its own, until they are removed', async () => {
    const { connection, subscriptions, arrived, id } = await subscribed(await NatsServer.start());
    const own: string[] = [];
    connection.subscribe('a.b', { callback: (_error, message) => void own.push(message.string()) });
    // Twice is once.
    subscriptions.subscribe(id, 'a.b');
    subscriptions.use(connection);
    connection.publish('a.b', 'one');
    connection.publish('a.c', 'other');
    await connection.flush();
    expect([arrived, own]).toEqual([['a.b one'], ['one']]);
    subscriptions.remove(id);
    connection.publish('a.b', 'two');
    await connection.flush();
    expect([arrived, own]).toEqual([['a.b one'], ['one', 'two']]);
    await connection.close();
  });

  it('has none of them on a new connection, and takes the same ids again', async () => {
    const nats = await NatsServer.start();
    const { connection, subscriptions, arrived, id } = await subscribed(nats);
    const states: string[] = [];
    void (async () => {
      for await (const { type } of connection.status()) states.push(type);
    })();
    cut(connection);
    await until(() => states.includes('reconnect'));
    connection.publish('a.b', 'lost');
    await connection.flush();
    subscriptions.subscribe(id, 'a.b');
    connection.publish('a.b', 'heard');
    await connection.flush();
    expect(arrived).toEqual(['a.b heard']);
    await connection.close();
  });

  it('can be cut off while the server takes nothing', async () => {
    const nats = await NatsServer.start();
    const { connection } = await subscribed(nats);
    const states: string[] = [];
    void (async () => {
      for await (const { type } of connection.status()) states.push(type);
    })();
    nats.freeze(true);
    for (let i = 0; i < 40; i++) connection.publish('a.b', Buffer.alloc(500_000));
    cut(connection);
    await until(() => states.includes('disconnect'));
    nats.freeze(false);
    await until(() => states.includes('reconnect'));
    await connection.close();
    expect(states.filter((state) => state === 'disconnect')).toEqual(['disconnect']);
  });
});
