import { count, duration, timeOfDay } from './format.js';

/** @typedef {import('./stream.js').Node} Node */
/** @typedef {import('./stream.js').TroubleGroup} TroubleGroup */

/** @type {Readonly<Record<string, string>>} */
const PHASES = { starting: 'Starting', serving: 'Serving', 'lame-duck': 'About to stop', draining: 'Draining' };
/** @type {Readonly<Record<string, string>>} */
const BUSES = { off: 'none', up: 'reachable', degraded: 'reachable in part', down: 'not reachable' };

const DAY_MS = 86_400_000;
/** A certificate that expires within this many days should be renewed. */
const SOON = 14;

/**
 * Shows the state of the node next to the charts. Writes only what changed, so that a screen reader reads only that.
 */
export class Facts {
  #troubles = '';

  constructor() {
    write('address', location.host);
    write('phase', 'Connecting …');
  }

  /** @param {number} seconds */
  uptime(seconds) {
    write('uptime', duration(seconds));
  }

  /** @param {string} version */
  version(version) {
    write('version', version);
  }

  /** @param {Node} node */
  show({ phase, bus, certificateEnds, troubles }) {
    write('phase', PHASES[phase] ?? phase).dataset.phase = phase;
    write('bus', BUSES[bus] ?? bus).dataset.state = bus === 'down' || bus === 'degraded' ? 'bad' : '';
    const days = certificateEnds === null ? Infinity : (certificateEnds - Date.now()) / DAY_MS;
    write('certificate', ends(days)).dataset.state = days < 1 ? 'bad' : days < SOON ? 'slow' : '';
    element('certificate').title =
      certificateEnds === null ? '' : `expires ${new Date(certificateEnds).toLocaleString()}`;
    this.#list(troubles);
  }

  /**
   * @param {boolean} isFresh whether the figures on the page are current
   * @param {number} [since] time of the last figures, in seconds since the epoch; absent if there were none yet
   */
  fresh(isFresh, since) {
    document.body.dataset.fresh = isFresh ? 'yes' : 'no';
    if (!isFresh) write('phase', 'Not reachable').dataset.phase = 'unreached';
    write('banner', isFresh ? '' : lost(since));
  }

  /** @param {readonly TroubleGroup[]} groups */
  #list(groups) {
    const said = JSON.stringify(groups);
    if (said === this.#troubles) return;
    this.#troubles = said;
    element('nothing').hidden = groups.length > 0;
    element('troubles').replaceChildren(
      ...groups.map(({ title, troubles }) => {
        const group = fromTemplate('group');
        part(group, 'h3').textContent = title;
        part(group, 'dl').append(
          ...troubles.map(([name, times, about]) => {
            const trouble = fromTemplate('trouble');
            part(trouble, '.name').textContent = name;
            part(trouble, '.about').textContent = about;
            part(trouble, 'dd').textContent = count(times);
            return trouble;
          }),
        );
        return group;
      }),
    );
  }
}

/** @param {number} [since] time of the last figures, in seconds since the epoch */
function lost(since) {
  const when = since === undefined ? 'yet' : `since ${timeOfDay(since)}`;
  return `No figures from the server ${when}; trying again.`;
}

/** @param {number} days until the certificate expires; Infinity without a certificate */
function ends(days) {
  if (days === Infinity) return 'no TLS';
  if (days < 0) return 'expired';
  return days < 1 ? 'expires today' : `${count(Math.floor(days))} days left`;
}

/**
 * @param {string} id
 * @param {string} text
 */
function write(id, text) {
  const found = element(id);
  if (found.textContent !== text) found.textContent = text;
  return found;
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id */
function fromTemplate(id) {
  const { content } = /** @type {HTMLTemplateElement} */ (element(id));
  return /** @type {HTMLElement} */ (/** @type {Element} */ (content.firstElementChild).cloneNode(true));
}

/**
 * @param {HTMLElement} whole
 * @param {string} selector
 */
function part(whole, selector) {
  return /** @type {HTMLElement} */ (whole.querySelector(selector));
}
