import { timeOfDay } from './format.js';
import { nearest, reach } from './scale.js';

/** @typedef {import('./figures.js').Figure} Figure */
/** @typedef {import('./window.js').Window} Window */

/** The global that the script of uPlot sets. @type {typeof import('uplot')} */
const UPlot = Reflect.get(globalThis, 'uPlot');

/** Pixels. */
const HEIGHT = 128;
const AXIS_WIDTH = 52;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
/** Seconds that may be between two labels on the time axis, and the most labels. */
const TICKS_S = [5, 10, 15, 30, 60, 120];
const MOST_TICKS = 5;
/** Part of the time axis, at its right edge, that has no room for a label. */
const EDGE = 1 / 15;

const none = () => null;
/** Turns off uPlot's own mouse handlers: the chart listens to pointer events, which include the mouse. */
const NO_MOUSE = {
  mousemove: none,
  mousedown: none,
  mouseup: none,
  mouseleave: none,
  mouseenter: none,
  click: none,
  dblclick: none,
};

/**
 * Shows one figure over time: a card with the current figure, the line, the lowest and the highest figure, and the
 * figure at the crosshair. For the keyboard and for screen readers it is a slider over time. Knows nothing of the other
 * charts: `point` moves the crosshair in all of them.
 */
export class Chart {
  /** Time at the crosshair, in seconds since the epoch; undefined for none. @type {number | undefined} */
  #at;
  /** @type {Window} */
  #window;
  #figure;
  #card;
  #slider;
  #plot;
  /** Time at the right edge, in seconds since the epoch. */
  #until = 0;

  /**
   * @param {Figure} figure
   * @param {Window} window
   * @param {HTMLElement} card made from the template
   * @param {(at: number | undefined) => void} point called with the time that the pointer or the keyboard chose here;
   * undefined for none
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
   * Draws the samples of the window.
   * @param {number} now seconds since the epoch
   * @param {number} heapLimit bytes
   */
  draw(now, heapLimit) {
    const { times, columns, newest } = this.#window;
    const { name, beside } = this.#figure;
    this.#until = now;
    this.#plot.setData([times, columns[name] ?? []]);
    if (newest !== undefined) {
      const [figure, unit] = this.#figure.show(newest[name]);
      part(this.#card, '.figure').textContent = figure;
      part(this.#card, '.unit').textContent = unit;
      part(this.#card, '.beside').textContent = beside(newest, heapLimit);
    }
    this.#slider.setAttribute('aria-valuemin', String(Math.round(this.#from - now)));
    this.point(this.#at);
  }

  /** Draws again, after the colours may have changed. */
  recolour() {
    this.#plot.redraw(false, true);
  }

  /** Shows the figure at a time, or without one the lowest and the highest. @param {number | undefined} at */
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
    // After a touch the figure stays, so that people can read it once they lift the finger.
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

  /**
   * Returns the time that a key moves to; undefined for none, null for keys without a meaning here. @param {string} key
   */
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
        bind: NO_MOUSE,
      },
      scales: {
        x: { time: false, range: () => [this.#from, this.#until] },
        y: { range: (_plot, _least, most) => [0, reach(Math.max(most ?? 0, this.#figure.reach))] },
      },
      axes: [
        {
          ...axis,
          size: 20,
          gap: 6,
          grid: { show: false },
          splits: () => this.#ticks(),
          values: (_plot, ticks) =>
            ticks.map((tick) => (tick % 60 === 0 ? timeOfDay(tick).slice(0, 5) : timeOfDay(tick))),
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

  /** Time at the left edge, in seconds since the epoch. */
  get #from() {
    return this.#window.from(this.#until);
  }

  #ticks() {
    const from = this.#from;
    const shown = this.#until - from;
    const step = TICKS_S.find((seconds) => shown / seconds <= MOST_TICKS) ?? shown;
    const first = Math.ceil(from / step) * step;
    const length = Math.max(0, Math.ceil((this.#until - EDGE * shown - first) / step));
    return Array.from({ length }, (_, index) => first + index * step);
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
