import { examineAuth } from './auth.js';
import { examineBrowser } from './browser.js';
import { examineDns } from './dns.js';
import type { Finding } from './finding.js';
import { examineHttp } from './http.js';
import { examineIdle } from './idle.js';
import { examineLargestMessage } from './largest-message.js';
import { examineRelay } from './relay.js';
import { examineRendezvous } from './rendezvous.js';
import type { Subject } from './subject.js';
import { examineTcp } from './tcp.js';
import { examineTls } from './tls.js';
import { examineUpgrade } from './upgrade.js';

/** One thing that is looked at. */
export interface Examination {
  readonly name: string;
  /** Without these there is nothing to look at. */
  readonly needs: readonly string[];
  /** Rejects with Trouble where that is the finding. */
  readonly examine: (subject: Subject) => Promise<Finding>;
}

/** In the order in which a connection runs into them. No token is sent over TLS that does not verify, since all that sends one needs `tls`. */
export const EXAMINATIONS: readonly Examination[] = [
  { name: 'dns', needs: [], examine: examineDns },
  { name: 'tcp', needs: ['dns'], examine: examineTcp },
  { name: 'tls', needs: ['tcp'], examine: examineTls },
  { name: 'http', needs: ['tls'], examine: examineHttp },
  { name: 'upgrade', needs: ['tls'], examine: examineUpgrade },
  { name: 'auth', needs: ['upgrade'], examine: examineAuth },
  { name: 'cbor', needs: ['auth'], examine: examineRelay },
  { name: 'json', needs: ['auth'], examine: examineRendezvous },
  { name: 'size', needs: ['cbor'], examine: examineLargestMessage },
  { name: 'browser', needs: ['auth'], examine: examineBrowser },
  { name: 'idle', needs: ['auth'], examine: examineIdle },
];
