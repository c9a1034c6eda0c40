import { GOAL_MS, inWords, STEPS, TIMED } from './steps.js';

/** @typedef {import('./fault.js').Fault} Fault */
/** @typedef {import('./steps.js').StepId} StepId */
/** @typedef {'waiting' | 'running' | 'passed' | 'failed' | 'skipped'} State */
/** @typedef {{ state: State, milliseconds?: number, detail: string }} Row */

/** Possible lengths of the scale, in milliseconds. It grows when the goal is missed. */
const SCALES = [GOAL_MS, 2000, 4000, 10_000, 20_000, 40_000];

/**
 * The element with that id in index.html.
 * @param {string} id
 */
export function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Shows a run, as its Watcher: one row per step, and the verdict. Owns the rows and the verdict. Does not know how a
 * step works. Invariant: what the page shows and what the report says are the same.
 */
export class View {
  /** @type {Map<StepId, Row>} The outcome of each step, also for the report. */
  rows = new Map();
  /** The texts of the verdict, also for the report. */
  verdict = { headline: '', sentence: '', advice: '', where: '' };
  /** @type {Map<StepId, Element>} */
  #items = new Map();

  constructor() {
    const template = /** @type {HTMLTemplateElement} */ (element('step'));
    for (const [index, { id, title }] of STEPS.entries()) {
      const item = /** @type {Element} */ (template.content.firstElementChild).cloneNode(true);
      this.#items.set(id, /** @type {Element} */ (item));
      element('steps').append(item);
      part(this.#items.get(id), '.title').textContent = title;
      part(this.#items.get(id), '.ordinal').textContent = String(index + 1);
      /** @type {Element} */ (item).setAttribute('data-step', id);
    }
    this.#clear();
  }

  start() {
    this.#clear();
    this.#conclude('running', { headline: 'Checking …' });
  }

  /** @param {StepId} id */
  began(id) {
    this.#show(id, { state: 'running', detail: about(id) });
  }

  /**
   * @param {StepId} id
   * @param {number} milliseconds
   * @param {string} detail
   */
  passed(id, milliseconds, detail) {
    this.#show(id, { state: 'passed', milliseconds, detail });
  }

  /**
   * @param {StepId} id
   * @param {number} milliseconds
   * @param {Fault} fault
   */
  failed(id, milliseconds, fault) {
    const at = STEPS.findIndex((step) => step.id === id);
    this.#show(id, { state: 'failed', milliseconds, detail: about(id) });
    for (const { id: left, about: detail } of STEPS.slice(at + 1)) this.#show(left, { state: 'skipped', detail });
    this.#conclude('failed', {
      headline: fault.message,
      advice: fault.advice,
      where: `Stopped at step ${at + 1} of ${STEPS.length}.`,
    });
  }

  /**
   * @param {StepId} id
   * @param {string} why
   */
  skipped(id, why) {
    this.#show(id, { state: 'skipped', detail: why });
  }

  /** @param {number} milliseconds from connect to open channel */
  connected(milliseconds) {
    const headline = `Connected in ${inWords(milliseconds)}${milliseconds <= GOAL_MS ? '' : ', over the goal'}`;
    const timed = STEPS.map(({ id }, index) => (TIMED.has(id) ? index + 1 : 0)).filter((ordinal) => ordinal > 0);
    const what = `That is steps ${timed[0]} to ${timed.at(-1)}, from connect to open data channel; the goal is 1 s.`;
    if (milliseconds <= GOAL_MS) {
      this.#conclude('connected', { headline, sentence: `${what} This server works for peers here.` });
    } else {
      const [slowest] = [...this.rows]
        .filter(([id]) => TIMED.has(id))
        .toSorted(([, a], [, b]) => (b.milliseconds ?? 0) - (a.milliseconds ?? 0));
      const ordinal = STEPS.findIndex(({ id }) => id === slowest[0]) + 1;
      const longest = `Everything works, but too slowly: step ${ordinal} took longest.`;
      this.#conclude('slow', {
        headline,
        sentence: `${what} ${longest}`,
        advice:
          'A distant server, a slow network or a busy machine can cause this. Start again to see whether it persists.',
      });
    }
    this.#measure(milliseconds);
  }

  #clear() {
    for (const { id, about: detail } of STEPS) this.#show(id, { state: 'waiting', detail });
    element('scale').replaceChildren();
    this.#ticks(GOAL_MS);
  }

  /**
   * @param {StepId} id
   * @param {Row} row
   */
  #show(id, row) {
    this.rows.set(id, row);
    const item = this.#items.get(id);
    item?.setAttribute('data-state', row.state);
    part(item, 'use').setAttribute('href', `#${row.state}`);
    part(item, '.state').textContent = row.state;
    part(item, '.time').textContent = row.milliseconds === undefined ? '' : inWords(row.milliseconds);
    part(item, '.detail').textContent = row.detail;
  }

  /**
   * @param {'running' | 'connected' | 'slow' | 'failed'} outcome
   * @param {{ headline: string, sentence?: string, advice?: string, where?: string }} verdict
   */
  #conclude(outcome, { headline, sentence = '', advice = '', where = '' }) {
    this.verdict = { headline, sentence, advice, where };
    element('verdict').dataset.outcome = outcome;
    part(element('outcome'), 'use').setAttribute(
      'href',
      `#${outcome === 'connected' || outcome === 'slow' ? 'passed' : outcome}`,
    );
    for (const [id, text] of Object.entries(this.verdict)) {
      element(id).textContent = text;
      element(id).hidden = text === '';
    }
    element('goal').hidden = outcome === 'failed';
  }

  /** @param {number} total duration of the timed steps together, in milliseconds */
  #measure(total) {
    const reach = SCALES.find((scale) => scale >= total) ?? total;
    const pieces = STEPS.filter(({ id }) => TIMED.has(id)).map(({ id, title }) => {
      const { milliseconds = 0 } = this.rows.get(id) ?? {};
      const piece = document.createElement('span');
      piece.style.width = `${(100 * milliseconds) / reach}%`;
      piece.title = `${title}: ${inWords(milliseconds)}`;
      return piece;
    });
    element('scale').replaceChildren(...pieces);
    element('goal').setAttribute(
      'aria-label',
      `${inWords(total)} on a scale to ${inWords(reach)}; the goal is one second`,
    );
    this.#ticks(reach);
  }

  /** @param {number} reach milliseconds */
  #ticks(reach) {
    const texts = [0, 1, 2, 3, 4]
      .map((quarter) => (quarter * reach) / 4)
      .map((at) => (at === GOAL_MS ? 'goal: 1 s' : reach === GOAL_MS ? `${at}` : `${at / 1000} s`));
    for (const [index, tick] of [...document.querySelectorAll('.ticks li')].entries()) tick.textContent = texts[index];
  }
}

/** @param {StepId} id */
function about(id) {
  return STEPS.find((step) => step.id === id)?.about ?? '';
}

/**
 * @param {Element | undefined} item
 * @param {string} selector
 */
function part(item, selector) {
  return /** @type {Element} */ (item?.querySelector(selector));
}
