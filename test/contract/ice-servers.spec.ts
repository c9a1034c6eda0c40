import { parseSettings } from '../../src/config/load-settings.js';
import { AskedProvider } from '../../src/ice/asked-provider.js';
import { IceProvider, IceProviderSource } from '../../src/ice/ice-provider.js';
import type { IceProviderAnswer, IceQuestion } from '../../src/ice/ice-provider.js';
import { SharedSecret } from '../../src/ice/shared-secret.js';
import { TurnSecret } from '../../src/ice/turn-secret.js';
import { LogFilter } from '../../src/logging/log-filter.js';
import { Logs } from '../../src/logging/log.js';
import { IceCounts } from '../../src/metrics/ice-counts.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeIceServers, TTL } from './ice-servers.contract.js';

const STUN = { stunUrls: 'stun:h', turnTtl: '10m' };

describeIceServers('SharedSecret', () => {
  const clock = new ManualClock();
  const secret = new TurnSecret();
  secret.use('0123456789abcdef0123456789abcdef');
  const settings = parseSettings({ ...STUN, turnUrls: 'turn:h?transport=udp,turns:h:443', turnSecretFile: 'secret' });
  return {
    servers: new SharedSecret(settings, secret, clock),
    clock,
    endOf: (username) => Number(username.split(':')[0]),
  };
});

/** Another service, whose answers end when they say. */
class Service extends IceProvider {
  readonly ends = new Map<string, number>();

  constructor(private readonly clock: ManualClock) {
    super();
  }

  async iceServers({ ttl }: IceQuestion): Promise<IceProviderAnswer> {
    const username = `user ${this.ends.size}`;
    this.ends.set(username, Math.floor(this.clock.now() / 1000) + ttl);
    const urls = ['turn:h?transport=udp', 'turns:h:443'];
    return { iceServers: [{ urls, username, credential: 'secret' }], ttl: TTL };
  }
}

describeIceServers('AskedProvider', () => {
  const clock = new ManualClock();
  const service = new Service(clock);
  const logs = new Logs({ format: 'json', filter: LogFilter.parse('off')! });
  const source = new IceProviderSource(() => service);
  return {
    servers: new AskedProvider(source, parseSettings(STUN), clock, new IceCounts(), logs),
    clock,
    endOf: (username) => service.ends.get(username)!,
  };
});
