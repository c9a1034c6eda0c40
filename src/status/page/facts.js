import { count, duration, timeOfDay } from './format.js';

/** @typedef {import('./stream.js').Node} Node */
/** @typedef {import('./stream.js').TroubleGroup} TroubleGroup */

/** @type {Readonly<Record<string, string>>} */
const PHASES = { starting: 'Starting', serving: 'Serving', 'lame-duck': 'About to stop', draining: 'Draining' };
/** @type {Readonly<Record<string, string>>} */
const BUSES = { off: 'none', up: 'reached', down: 'not reached' };

const DAY_MS = 86_400_000;
/** Days before its end in which a certificate should be renewed. */
const SOON = 14;

/** What the page says of the node beside its charts. Writes only what changed, so that a screen reader is told no more. */
export class Facts {
  #troubles = '';

  constructor() {
    write('address', location.host);
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
    write('bus', BUSES[bus] ?? bus).dataset.state = bus === 'down' ? 'bad' : '';
    const days = certificateEnds === null ? Infinity : (certificateEnds - Date.now()) / DAY_MS;
    write('certificate', ends(days)).dataset.state = days < 1 ? 'bad' : days < SOON ? 'slow' : '';
    element('certificate').title = certificateEnds === null ? '' : `ends ${new Date(certificateEnds).toLocaleString()}`;
    this.#list(troubles);
  }

  /**
   * @param {boolean} isFresh
   * @param {number} [since] when there were some, in seconds since the epoch; never without it
   */
  fresh(isFresh, since) {
    document.body.dataset.fresh = isFresh ? 'yes' : 'no';
    if (!isFresh) write('phase', 'Not reached').dataset.phase = 'unreached';
    write(
      'banner',
      isFresh
        ? ''
        : `No figures from the server ${since === undefined ? 'yet' : `since ${timeOfDay(since)}`}; trying again.`,
    );
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

/** @param {number} days until a certificate's end; infinitely many without one */
function ends(days) {
  if (days === Infinity) return 'no TLS';
  if (days < 0) return 'expired';
  return days < 1 ? 'ends today' : `${count(Math.floor(days))} days left`;
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
