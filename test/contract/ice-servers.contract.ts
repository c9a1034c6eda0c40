import { describe, expect, it } from '@jest/globals';
import { isIssued } from '../../src/ice/ice-servers.js';
import type { Asker, IceServers, Issued } from '../../src/ice/ice-servers.js';
import { iceServers } from '../../src/protocol/response.js';
import type { ManualClock } from '../support/manual-clock.js';
import { cbor } from '../support/peer.js';

/** How long credentials hold, in seconds, in the servers that a contract is tested with. */
export const TTL = 600;

/** ICE servers under test, with a TURN server. */
export interface IceServersUnderTest {
  readonly servers: IceServers;
  readonly clock: ManualClock;
  /** When a credential ends, in seconds since the epoch. */
  readonly endOf: (username: string) => number;
}

const ALICE: Asker = { principal: 'alice', source: 'principal alice' };
const BOB: Asker = { principal: 'bob', source: 'principal bob' };

/** The contract of every IceServers. */
export function describeIceServers(name: string, make: () => IceServersUnderTest): void {
  describe(`${name} keeps the contract of IceServers`, () => {
    const issuedBy = async (servers: IceServers, asker: Asker): Promise<Issued> => {
      const told = await servers.issue(asker);
      if (!isIssued(told)) throw new Error(told.text);
      return told;
    };
    const usersOf = ({ servers }: Issued): string[] => servers.flatMap(({ username }) => username ?? []);

    it('V11: issues STUN and TURN servers, and credentials with each TURN server', async () => {
      const { ttl, servers } = await issuedBy(make().servers, ALICE);
      expect(ttl).toBe(TTL);
      expect(servers.flatMap(({ urls }) => urls)).toEqual(['stun:h', 'turn:h?transport=udp', 'turns:h:443']);
      for (const { urls, username, credential } of servers) {
        const turn = urls.some((url) => url.startsWith('turn'));
        expect([typeof username, typeof credential]).toEqual(Array(2).fill(turn ? 'string' : 'undefined'));
      }
    });

    it('V11, V13: is told as CBOR and as JSON', async () => {
      const { ttl, servers } = await issuedBy(make().servers, ALICE);
      expect(cbor.decode(iceServers(1, ttl, servers))).toEqual({ IceServers: { id: 1, ttl, servers } });
      expect(JSON.parse(JSON.stringify(servers))).toEqual(servers);
    });

    it('V11: credentials hold for the ttl they come with, however often they are asked for', async () => {
      const { servers, clock, endOf } = make();
      for (let asked = 0; asked < 100; asked++) {
        const issued = await issuedBy(servers, ALICE);
        expect(Number.isInteger(issued.ttl) && issued.ttl >= 1 && issued.ttl <= TTL).toBe(true);
        for (const username of usersOf(issued)) {
          expect(endOf(username)).toBeGreaterThanOrEqual(Math.floor(clock.now() / 1000) + issued.ttl);
        }
        clock.pass(12_345);
      }
    });

    it('V11: gives nobody the credentials of another', async () => {
      const { servers } = make();
      const askers = [
        ...Array.from({ length: 100 }, (_, i) => ({ principal: `p${i}`, source: `principal p${i}` })),
        ...Array.from({ length: 100 }, (_, i) => ({ principal: undefined, source: `192.0.2.${i}` })),
      ];
      const issued = await Promise.all([...askers, ...askers].map((asker) => issuedBy(servers, asker)));
      const users = issued.map((each) => usersOf(each).join());
      expect(new Set(users).size).toBe(askers.length);
      expect(users.slice(askers.length)).toEqual(users.slice(0, askers.length));
    });

    it('what one does with an answer changes nobody else’s', async () => {
      const { servers } = make();
      const before = JSON.stringify(await issuedBy(servers, ALICE));
      const spoiled = (await issuedBy(servers, ALICE)) as unknown as {
        servers: { urls: string[]; username?: string }[];
      };
      for (const server of spoiled.servers) {
        server.urls.push('turn:evil.example');
        server.username = 'evil';
      }
      spoiled.servers.length = 0;
      expect(JSON.stringify(await issuedBy(servers, ALICE))).toBe(before);
      expect(JSON.stringify(await issuedBy(servers, BOB))).not.toContain('evil');
    });

    it.each(['__proto__', 'constructor', 'a\0b', '\ud800', 'ä'.repeat(255), '192.0.2.1', 'https://id.example|7'])(
      'survives a principal of any text: %j',
      async (principal) => {
        const { servers } = make();
        const issued = await issuedBy(servers, { principal, source: `principal ${principal}` });
        expect(issued.servers).toHaveLength(2);
      },
    );

    it('never throws, and never rejects', async () => {
      const { servers } = make();
      const told = Array.from({ length: 2000 }, async (_, i) => servers.issue({ principal: `p${i}`, source: `p${i}` }));
      for (const each of await Promise.all(told)) expect('servers' in each || each.code === 'unavailable').toBe(true);
    });
  });
}
