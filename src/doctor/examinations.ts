import { examineAuth } from './auth.js';
import { examineBrowser } from './browser.js';
import { examineDns } from './dns.js';
import type { Finding } from './finding.js';
import { examineHttp } from './http.js';
import { examineIce } from './ice.js';
import { examineIdle } from './idle.js';
import { examineLargestMessage } from './largest-message.js';
import { examineRelay } from './relay.js';
import { examineRendezvous } from './rendezvous.js';
import type { Subject } from './subject.js';
import { examineTcp } from './tcp.js';
import { examineTls } from './tls.js';
import { examineUpgrade } from './upgrade.js';
import { examineV2 } from './v2.js';

/** One examination of the server. */
export interface Examination {
  readonly name: string;
  /** Names of the examinations that must not fail before it. */
  readonly needs: readonly string[];
  /** Resolves to the finding, or rejects with Trouble, which is a finding too. */
  readonly examine: (subject: Subject) => Promise<Finding>;
}

/**
 * The examinations, in the order in which a connection meets them. Every examination that sends a token needs `tls`, so
 * no token is sent over TLS that does not verify.
 */
export const EXAMINATIONS: readonly Examination[] = [
  { name: 'dns', needs: [], examine: examineDns },
  { name: 'tcp', needs: ['dns'], examine: examineTcp },
  { name: 'tls', needs: ['tcp'], examine: examineTls },
  { name: 'http', needs: ['tls'], examine: examineHttp },
  { name: 'upgrade', needs: ['tls'], examine: examineUpgrade },
  { name: 'auth', needs: ['upgrade'], examine: examineAuth },
  { name: 'cbor', needs: ['auth'], examine: examineRelay },
  { name: 'json', needs: ['auth'], examine: examineRendezvous },
  { name: 'v2', needs: ['cbor'], examine: examineV2 },
  { name: 'size', needs: ['cbor'], examine: examineLargestMessage },
  { name: 'browser', needs: ['auth'], examine: examineBrowser },
  { name: 'ice', needs: ['auth'], examine: examineIce },
  { name: 'idle', needs: ['auth'], examine: examineIdle },
];
