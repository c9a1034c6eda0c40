/** A formatted figure and its unit. @typedef {readonly [figure: string, unit: string]} Shown */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** @type {readonly (readonly [least: number, prefix: string])[]} */
const PREFIXES = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/**
 * 1,204 and 45.1k
 * @param {number} figure
 */
export function count(figure) {
  return figure < 10_000 ? WHOLE.format(figure) : prefixed(figure).join('');
}

/**
 * 0.25, 7.5, 812 and 1.2k
 * @param {number} figure
 */
export function short(figure) {
  return figure < 999.5 ? SHORT.format(rounded(figure)) : prefixed(figure).join('');
}

/**
 * Rounds to two decimal places below 10, and to one below 100.
 * @param {number} figure
 */
function rounded(figure) {
  if (figure < 10) return Math.round(figure * 100) / 100;
  return figure < 100 ? Math.round(figure * 10) / 10 : figure;
}

/**
 * @param {number} figure
 * @returns {Shown}
 */
export function bytes(figure) {
  const [shown, prefix] = prefixed(figure);
  return [shown, `${prefix}B`];
}

/**
 * 3 d 4 h, 2 h 5 min, 12 min, 40 s
 * @param {number} seconds
 */
export function duration(seconds) {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/**
 * 14:05:09 in the local time of this browser
 * @param {number} time seconds since the epoch
 */
export function timeOfDay(time) {
  return new Date(time * 1000).toTimeString().slice(0, 8);
}

/**
 * @param {number} figure
 * @returns {readonly [shown: string, prefix: string]} never 1000: a figure that rounds up to it takes the next prefix
 */
function prefixed(figure) {
  const [least, prefix] = PREFIXES.find(([of]) => figure >= of * 0.9995) ?? [1, ''];
  return [SHORT.format(figure / least), prefix];
}
