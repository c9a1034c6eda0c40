import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from '@jest/globals';
import { PublicKeys } from '../../src/auth/jwt/public-keys.js';
import { RemoteKeys } from '../../src/auth/jwt/remote-keys.js';
import { parseSettings } from '../../src/config/load-settings.js';
import { Logs } from '../../src/logging/log.js';
import { LogFilter } from '../../src/logging/log-filter.js';
import { stopIssuers, TestIssuer } from '../support/issuer.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeKeySource } from './key-source.contract.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-keys-'));
const log = new Logs({ format: 'json', filter: LogFilter.parse('off')! }).for('auth');
afterEach(stopIssuers);
afterAll(() => rmSync(folder, { recursive: true }));

const { jwtAlgorithms } = parseSettings();
const OWNER = { name: 'id', spiffe: false };

describeKeySource('PublicKeys of a PEM file', (keys) => {
  const path = join(folder, 'keys.pem');
  writeFileSync(path, keys.map(({ pem }) => pem).join('\n'));
  return Promise.resolve(new PublicKeys(path, OWNER, jwtAlgorithms));
});

describeKeySource('PublicKeys of a key set', (keys) => {
  const path = join(folder, 'keys.json');
  writeFileSync(path, JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  return Promise.resolve(new PublicKeys(path, OWNER, jwtAlgorithms));
});

describeKeySource('RemoteKeys', async (keys) => {
  const issuer = await TestIssuer.start();
  issuer.keys = keys.map(({ jwk }) => jwk);
  return new RemoteKeys({ issuer: issuer.name, url: issuer.keysUrl, clock: new ManualClock(), log, timeout: 60_000 });
});
