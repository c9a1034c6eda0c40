import { inWords, STEPS } from './steps.js';

/** @typedef {import('./view.js').View} View */

/**
 * The report that a person can send to the operator of the server, one line per step. Holds neither token nor topic.
 * @param {View} view
 * @param {string} server URL of the server
 */
export function report({ rows, verdict }, server) {
  const steps = STEPS.map(({ id, title }, index) => {
    const { state = 'waiting', milliseconds, detail = '' } = rows.get(id) ?? {};
    const time = milliseconds === undefined ? '' : inWords(milliseconds);
    const said = state === 'passed' || state === 'skipped' ? detail : '';
    return `${index + 1}. ${state.padEnd(7)}  ${title.padEnd(24)} ${time.padStart(8)}  ${said}`.trimEnd();
  });
  return [
    'cairn-signal connection check',
    `at       ${new Date().toISOString()}`,
    `server   ${server}`,
    `browser  ${navigator.userAgent}`,
    '',
    ...Object.values(verdict).filter((text) => text !== ''),
    '',
    ...steps,
    '',
  ].join('\n');
}

/**
 * Copies a text to the clipboard. Resolves to false when the browser does not allow it. A page without TLS has only the
 * old way.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'unseen';
    document.body.append(area);
    const before = document.activeElement;
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (before instanceof HTMLElement) before.focus();
    return copied;
  }
}
