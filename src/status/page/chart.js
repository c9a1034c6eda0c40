import { timeOfDay } from './format.js';
import { nearest, reach } from './scale.js';

/** @typedef {import('./figures.js').Figure} Figure */
/** @typedef {import('./window.js').Window} Window */

/** @type {typeof import('uplot')} Where its script leaves it. */
const UPlot = Reflect.get(globalThis, 'uPlot');

/** Pixels. */
const HEIGHT = 128;
const AXIS_WIDTH = 52;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
/** Seconds between the times that are written below. */
const TICK_S = 120;
/** Seconds at the right edge below which no time finds room. */
const EDGE_S = 40;

/**
 * One figure over time: a card with the figure of now, the line, the lowest and the highest, and the figure at the crosshair.
 * Knows nothing of the other charts: `point` tells them all. Is a slider over time for the keyboard and for screen readers.
 */
export class Chart {
  /** Seconds since the epoch that are pointed at; undefined for none. @type {number | undefined} */
  #at;
  /** @type {Window} */
  #window;
  #figure;
  #card;
  #slider;
  #plot;
  /** Seconds since the epoch at the right edge. */
  #until = 0;

  /**
   * @param {Figure} figure
   * @param {Window} window
   * @param {HTMLElement} card made from the template
   * @param {(at: number | undefined) => void} point what to do when a time is pointed at, here or no longer
   */
  constructor(figure, window, card, point) {
    this.#figure = figure;
    this.#window = window;
    this.#card = card;
    this.#slider = part(card, '.plot');
    part(card, 'h2').textContent = figure.title;
    this.#slider.setAttribute('aria-label', `${figure.title}, over time`);
    this.#plot = new UPlot(this.#options(), [[], []], this.#slider);
    new ResizeObserver(() => this.#plot.setSize({ width: this.#slider.clientWidth, height: HEIGHT })).observe(
      this.#slider,
    );
    this.#listen(point);
  }

  /**
   * Draws what the window holds.
   * @param {number} now seconds since the epoch
   * @param {number} heapLimit
   */
  draw(now, heapLimit) {
    const { times, columns, newest, kept } = this.#window;
    const { name, beside } = this.#figure;
    this.#until = now;
    this.#plot.setData([times, columns[name] ?? []]);
    if (newest !== undefined) {
      const [figure, unit] = this.#figure.show(newest[name]);
      part(this.#card, '.figure').textContent = figure;
      part(this.#card, '.unit').textContent = unit;
      part(this.#card, '.beside').textContent = beside(newest, heapLimit);
    }
    this.#slider.setAttribute('aria-valuemin', String(-kept));
    this.point(this.#at);
  }

  /** Colours may have changed. */
  recolour() {
    this.#plot.redraw(false, true);
  }

  /** Shows the figure at a time; without one, the lowest and the highest. @param {number | undefined} at */
  point(at) {
    const { times, columns } = this.#window;
    const { name } = this.#figure;
    const index = at === undefined ? -1 : nearest(times, at);
    this.#at = index < 0 ? undefined : at;
    this.#plot.setCursor(
      index < 0 ? { left: -10, top: -10 } : { left: this.#plot.valToPos(times[index], 'x'), top: 0 },
    );
    const text = index < 0 ? this.#span() : `${this.#written(columns[name]?.[index])} at ${timeOfDay(times[index])}`;
    part(this.#card, '.span').textContent = text;
    part(this.#card, '.span').classList.toggle('pointed', index >= 0);
    this.#slider.setAttribute('aria-valuenow', String(index < 0 ? 0 : Math.round(times[index] - this.#until)));
    this.#slider.setAttribute(
      'aria-valuetext',
      index < 0 ? `${this.#written(this.#window.newest?.[name])} now; ${text}` : text,
    );
  }

  #span() {
    const span = this.#window.span(this.#figure.name);
    return span === undefined ? 'nothing yet' : `lowest ${this.#written(span[0])} · highest ${this.#written(span[1])}`;
  }

  /** @param {number | null | undefined} figure */
  #written(figure) {
    if (figure === null || figure === undefined) return 'not known';
    const [shown, unit] = this.#figure.show(figure);
    return unit === '' || unit === '/s' ? shown + unit : `${shown} ${unit}`;
  }

  /** @param {(at: number | undefined) => void} point */
  #listen(point) {
    const over = this.#plot.over;
    for (const type of /** @type {const} */ (['pointermove', 'pointerdown'])) {
      over.addEventListener(type, ({ clientX }) =>
        point(this.#plot.posToVal(clientX - over.getBoundingClientRect().left, 'x')),
      );
    }
    // A finger that was lifted wants to read what it pointed at, until it touches something else.
    over.addEventListener('pointerleave', ({ pointerType }) => {
      if (pointerType !== 'touch') point(undefined);
    });
    this.#slider.addEventListener('blur', () => point(undefined));
    this.#slider.addEventListener('keydown', (event) => {
      const at = this.#keyed(event.key);
      if (at === null) return;
      event.preventDefault();
      point(at);
    });
  }

  /** The time that a key leads to; undefined for none, null for keys that mean nothing here. @param {string} key */
  #keyed(key) {
    const { times } = this.#window;
    if (times.length === 0) return null;
    const index = this.#at === undefined ? times.length - 1 : nearest(times, this.#at);
    /** @type {Readonly<Record<string, number>>} */
    const steps = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -15,
      PageUp: 15,
      Home: -times.length,
      End: times.length,
    };
    if (key === 'Escape') return undefined;
    return key in steps ? times[Math.min(Math.max(index + steps[key], 0), times.length - 1)] : null;
  }

  /** @returns {import('uplot').Options} */
  #options() {
    const none = () => null;
    const axis = { font: FONT, stroke: () => colour('--quiet'), ticks: { show: false }, border: { show: false } };
    const grid = { stroke: () => colour('--line'), width: 1 };
    return {
      width: this.#slider.clientWidth || 300,
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { size: 7, width: 2, fill: () => colour('--surface'), stroke: () => colour('--accent') },
        // A mouse is a pointer like others.
        bind: {
          mousemove: none,
          mousedown: none,
          mouseup: none,
          mouseleave: none,
          mouseenter: none,
          click: none,
          dblclick: none,
        },
      },
      scales: {
        x: { time: false, range: () => [this.#until - this.#window.kept, this.#until] },
        y: { range: (_plot, _least, most) => [0, reach(Math.max(most ?? 0, this.#figure.reach))] },
      },
      axes: [
        {
          ...axis,
          size: 20,
          gap: 6,
          grid: { show: false },
          splits: () => this.#ticks(),
          values: (_plot, ticks) => ticks.map((tick) => timeOfDay(tick).slice(0, 5)),
        },
        {
          ...axis,
          size: AXIS_WIDTH,
          gap: 6,
          grid,
          splits: (_plot, _axis, _least, most) => [0, most / 2, most],
          values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? '0' : this.#written(tick).replace('/s', ''))),
        },
      ],
      series: [
        {},
        {
          stroke: () => colour('--accent'),
          fill: () => colour('--area'),
          width: 1.5,
          points: { show: false },
          spanGaps: false,
        },
      ],
    };
  }

  #ticks() {
    const first = Math.ceil((this.#until - this.#window.kept) / TICK_S) * TICK_S;
    return Array.from(
      { length: Math.ceil((this.#until - EDGE_S - first) / TICK_S) },
      (_, index) => first + index * TICK_S,
    );
  }
}

/** @param {string} name */
function colour(name) {
  return getComputedStyle(document.body).getPropertyValue(name);
}

/**
 * @param {HTMLElement} card
 * @param {string} selector
 */
function part(card, selector) {
  return /** @type {HTMLElement} */ (card.querySelector(selector));
}
