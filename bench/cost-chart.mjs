/** Sizes in the units of the picture. */
const WIDTH = 720;
const HEIGHT = 400;
const PLOT = { left: 64, right: 520, top: 64, bottom: 340 };
/** Least distance between the labels of two lines. */
const LABEL_GAP = 17;
const MOST_STEPS = 6;

const STYLE = `
    svg { --paper: #ffffff; --ink: #1b1f24; --quiet: #59636e; --grid: #d9dee3;
      --c0: #59636e; --c1: #b35900; --c2: #0a5fc4; --c3: #8a3ffc; }
    @media (prefers-color-scheme: dark) {
      svg { --paper: #0d1117; --ink: #e8edf2; --quiet: #9aa5b1; --grid: #2b333c;
        --c0: #9aa5b1; --c1: #f0a04b; --c2: #6cb0ff; --c3: #c9a6ff; }
    }
    text { font: 13px system-ui, sans-serif; fill: var(--ink); }
    .title { font-weight: 600; font-size: 15px; }
    .quiet { fill: var(--quiet); }
    .grid { stroke: var(--grid); }
    .line { fill: none; stroke-width: 2; }
    .name { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }`;

/**
 * Draws cost against load, as an SVG that follows the light or dark of the reader. The load has a logarithmic scale. Each
 * line has its name at its right end; a point alone has it beside it.
 * @param {{ title: string, description: string, unit: string, load: string, lines: readonly Line[] }} chart
 * @returns {string}
 *
 * @typedef {{ name: string, points: readonly (readonly [load: number, cost: number])[], dashes?: string }} Line
 */
export function costChart({ title, description, unit, load, lines }) {
  const loads = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].toSorted((a, b) => a - b);
  const { step, most } = scale(Math.max(...lines.flatMap(({ points }) => points.map(([, cost]) => cost))));
  const [least, greatest] = [Math.log(loads[0]), Math.log(loads.at(-1))];
  const x = (/** @type {number} */ at) =>
    round(PLOT.left + ((Math.log(at) - least) / (greatest - least || 1)) * (PLOT.right - PLOT.left));
  const y = (/** @type {number} */ cost) => round(PLOT.bottom - (cost / most) * (PLOT.bottom - PLOT.top));

  const marks = Array.from({ length: Math.round(most / step) + 1 }, (_one, i) => i * step).flatMap((cost) => [
    `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(cost)}" y2="${y(cost)}"/>`,
    `<text class="quiet" text-anchor="end" x="${PLOT.left - 8}" y="${y(cost) + 4}">${round(cost)}</text>`,
  ]);
  const columns = loads.map(
    (at) =>
      `<text class="quiet" text-anchor="middle" x="${x(at)}" y="${PLOT.bottom + 20}">${at.toLocaleString('en')}</text>`,
  );
  const drawn = lines.map((line, i) => drawnLine(line, `var(--c${i % 4})`, x, y));
  // A point alone has its name beside itself.
  const ends = apart(lines.map(({ points }) => (points.length === 1 ? -Infinity : y(points.at(-1)[1]))));
  const labels = lines.map(({ name, points }, i) => {
    const alone = points.length === 1;
    const at = alone ? x(points[0][0]) + 10 : PLOT.right + 10;
    const height = alone ? y(points[0][1]) : ends[i];
    return `<text class="name" x="${at}" y="${round(height + 4)}" style="fill: var(--c${i % 4})">${escaped(name)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title desc">
  <title id="title">${escaped(title)}</title>
  <desc id="desc">${escaped(description)}</desc>
  <style>${STYLE}
  </style>
  <rect width="${WIDTH}" height="${HEIGHT}" style="fill: var(--paper)"/>
  <text class="title" x="16" y="26">${escaped(title)}</text>
  <text class="quiet" x="16" y="46">${escaped(unit)}</text>
  ${[...marks, ...columns, ...drawn, ...labels].join('\n  ')}
  <text class="quiet" text-anchor="middle" x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 44}">${escaped(load)}</text>
</svg>
`;
}

function drawnLine({ points, dashes }, color, x, y) {
  const dots = points
    .map(([at, cost]) => `<circle cx="${x(at)}" cy="${y(cost)}" r="3.5" style="fill: ${color}"/>`)
    .join('');
  if (points.length === 1) return dots;
  const path = points.map(([at, cost]) => `${x(at)},${y(cost)}`).join(' ');
  const dashed = dashes === undefined ? '' : ` stroke-dasharray="${dashes}"`;
  return `<polyline class="line" points="${path}" style="stroke: ${color}"${dashed}/>${dots}`;
}

/** Round steps for a scale from 0 to at least `most`. */
function scale(/** @type {number} */ most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [0.1, 0.2, 0.5, 1, 2, 5].map((part) => part * power).find((size) => most / size <= MOST_STEPS);
  return { step, most: Math.ceil(most / step) * step };
}

/** Moves heights down where they would overlap, and keeps their order. */
function apart(/** @type {readonly number[]} */ heights) {
  const moved = [...heights];
  const order = heights.map((_height, i) => i).toSorted((a, b) => heights[a] - heights[b]);
  for (const [n, i] of order.entries()) {
    if (n > 0) moved[i] = Math.max(moved[i], moved[order[n - 1]] + LABEL_GAP);
  }
  return moved;
}

const round = (/** @type {number} */ value) => Number(value.toFixed(1));

function escaped(/** @type {string} */ text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
