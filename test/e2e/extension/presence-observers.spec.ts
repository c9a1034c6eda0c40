import { Injectable, Module, Scope } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PresenceObserver, SignalingService } from '../../../src/embedding.js';
import type { CairnSignalOptions, ConnectedPeer, Extensions } from '../../../src/embedding.js';
import { Presence } from '../../../src/presence/presence.js';
import { TopicRegistry } from '../../../src/presence/topic-registry.js';
import { closeMounted, company, mount } from '../../support/mounted-application.js';
import type { MountedApplication } from '../../support/mounted-application.js';
import { NestFactory } from '@nestjs/core';
import { Peer } from '../../support/peer.js';
import { until } from '../../support/until.js';
import { V2Peer } from '../../support/v2-peer.js';

afterEach(closeMounted);

type Seen = readonly [what: string, topic: string, id: number, data?: string];

@Injectable()
class Notes {
  readonly seen: Seen[] = [];
}

@Module({ providers: [Notes], exports: [Notes] })
class NotesModule {}

@Injectable()
class Noting extends PresenceObserver {
  constructor(private readonly notes: Notes) {
    super();
  }

  joined(topic: string, { id }: ConnectedPeer): void {
    this.notes.seen.push(['joined', topic, id]);
  }

  left(topic: string, { id }: ConnectedPeer): void {
    this.notes.seen.push(['left', topic, id]);
  }

  override changed(topic: string, { id }: ConnectedPeer, data: Buffer): void {
    this.notes.seen.push(['changed', topic, id, String(data)]);
    data.fill(0);
  }
}

interface Observed extends MountedApplication {
  readonly seen: readonly Seen[];
  readonly signaling: SignalingService;
}

async function observed(extensions: CairnSignalOptions & Extensions = {}): Promise<Observed> {
  const mounted = await mount({ presenceObservers: [Noting], imports: [NotesModule], ...extensions });
  const { application } = mounted;
  return {
    ...mounted,
    seen: application.get(Notes, { strict: false }).seen,
    signaling: application.get(SignalingService, { strict: false }),
  };
}

describe('presence observers', () => {
  it('E5: see each subscription begin and end, once and in order', async () => {
    const { url, seen, signaling } = await observed();
    const a = await Peer.connect(url);
    const b = await Peer.connect(url);
    a.subscribe('t');
    a.subscribe('t');
    a.subscribe('u');
    a.unsubscribe('t');
    a.unsubscribe('t');
    await a.sync();
    b.subscribe('t');
    await b.sync();
    const [{ id: first }, { id: second }] = signaling.connections();
    await a.close();
    await until(() => signaling.connections().length === 1);
    expect(seen).toEqual([
      ['joined', 't', first],
      ['joined', 'u', first],
      ['left', 't', first],
      ['joined', 't', second],
      ['left', 'u', first],
    ]);
  });

  it('E5: do not see what the application subscribes to', async () => {
    const { url, seen, signaling } = await observed();
    await signaling.subscribe('t', () => undefined);
    const peer = await Peer.connect(url);
    peer.subscribe('t');
    await peer.sync();
    expect(seen.map(([what]) => what)).toEqual(['joined']);
  });

  it('E5: see v2 peers too, and the data that they show, each observer in a copy of its own', async () => {
    const { url, seen, signaling } = await observed({ presenceObservers: [Noting, class Again extends Noting {}] });
    const peer = await V2Peer.connect(url);
    await peer.answer({ Subscribe: { topic: 't', data: Buffer.from('one') } });
    await peer.answer({ Subscribe: { topic: 't', data: Buffer.from('two') } });
    await peer.answer({ Subscribe: { topic: 't', data: Buffer.from('two') } });
    const other = await V2Peer.connect(url);
    expect((await other.look('t')).joined).toEqual([{ id: expect.anything(), data: Buffer.from('two') }]);
    await peer.answer({ Unsubscribe: { topic: 't' } });
    const [{ id }, { id: second }] = signaling.connections();
    const once: Seen[] = [
      ['joined', 't', id],
      ['changed', 't', id, 'one'],
      ['changed', 't', id, 'two'],
      ['joined', 't', second],
      ['left', 't', id],
    ];
    expect(seen).toEqual(once.flatMap((each) => [each, each]));
  });

  it('E5: may use the server while they are told', async () => {
    @Injectable()
    class Doorkeeper extends PresenceObserver {
      constructor(private readonly signaling: SignalingService) {
        super();
      }

      joined(topic: string, { id }: ConnectedPeer): void {
        this.signaling.relay(topic, Buffer.from('welcome'));
        if (topic === 'closed') this.signaling.close(id, 'not here');
      }

      left(topic: string): void {
        this.signaling.relay(topic, Buffer.from('bye'));
      }
    }
    const { url } = await observed({ presenceObservers: [Doorkeeper] });
    const [a, b] = [await Peer.connect(url), await Peer.connect(url)];
    a.subscribe('t');
    expect(String(await a.next())).toContain('welcome');
    b.subscribe('t');
    b.subscribe('closed');
    expect((await b.closed).code).toBe(4002);
    expect([String(await a.next()), String(await a.next())]).toEqual([
      expect.stringContaining('welcome'),
      expect.stringContaining('bye'),
    ]);
  });

  it('E5: hurt nobody with what they throw, which is logged without its text', async () => {
    class Broken extends PresenceObserver {
      joined(topic: string): never {
        throw new Error(`cannot take ${topic}`);
      }

      left(topic: string): Promise<never> {
        return Promise.reject(new TypeError(`cannot leave ${topic}`));
      }
    }
    const { url, seen, log } = await observed({ presenceObservers: [Broken, Noting] });
    const peer = await Peer.connect(url);
    peer.subscribe('secret-topic');
    peer.unsubscribe('secret-topic');
    await peer.sync();
    await until(() => log.some(({ msg }) => msg === 'a presence observer threw'));
    expect(seen.map(([what]) => what)).toEqual(['joined', 'left']);
    expect(log.find(({ msg }) => msg === 'a presence observer threw')).toMatchObject({ observer: 'Broken' });
    expect(JSON.stringify(log)).not.toContain('secret-topic');
  });

  it('E5: cost nothing where there are none', async () => {
    const { application } = await mount({});
    expect(application.get(TopicRegistry, { strict: false }).watcher).toBeUndefined();
    expect(application.get(Presence, { strict: false }).watcher).toBeUndefined();
  });

  it('must be made once, not for each request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest extends PresenceObserver {
      joined(): void {}
      left(): void {}
    }
    const application = await NestFactory.create(company({ presenceObservers: [PerRequest] }).module, {
      logger: false,
      abortOnError: false,
    });
    await expect(application.init()).rejects.toThrow(/a presence observer, or something it injects, has request scope/);
  });
});
