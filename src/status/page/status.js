import { Chart } from './chart.js';
import { FIGURES } from './figures.js';
import { Facts } from './facts.js';
import { Stream } from './stream.js';
import { Window } from './window.js';

/** The status page. Samples go from the stream into the window, and from there to the charts. */

/** Milliseconds between two redraws while the server sends nothing. */
const IDLE_MS = 1000;

const shown = new Window();
const facts = new Facts();
/** @type {readonly Chart[]} */
const charts = FIGURES.map((figure) => {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById('chart'));
  const card = /** @type {HTMLElement} */ (/** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
  card.dataset.figure = figure.name;
  document.getElementById('charts')?.append(card);
  return new Chart(figure, shown, card, (at) => charts.forEach((chart) => chart.point(at)));
});
let heapLimit = 0;
/** Whether the last sample is current. */
let fresh = false;

const now = () => Date.now() / 1000;

function draw() {
  for (const chart of charts) chart.draw(now(), heapLimit);
}

/** @param {boolean} isFresh */
function setFresh(isFresh) {
  fresh = isFresh;
  facts.fresh(isFresh, shown.times.at(-1));
  if (shown.newest !== undefined) facts.uptime(shown.newest.at);
}

new Stream({
  history: (history, samples) => {
    heapLimit = history.heapLimit;
    shown.restart(samples, { interval: history.intervalSeconds, kept: history.keptSeconds, now: now() });
    facts.version(history.version);
    facts.show(history);
    setFresh(true);
    draw();
  },
  sample: (node, sample) => {
    shown.add(sample);
    facts.show(node);
    setFresh(true);
    draw();
  },
  lost: () => setFresh(false),
}).open();

setInterval(() => {
  if (!fresh && shown.newest !== undefined) draw();
}, IDLE_MS);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
  charts.forEach((chart) => chart.recolour()),
);
