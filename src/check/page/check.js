import { copy, report } from './report.js';
import { Run } from './run.js';
import { Server } from './server.js';
import { element, View } from './view.js';

/**
 * The page: its form, and the results of a run. The token is read from its field when a run begins, and nowhere else.
 */
const server = new Server();
const view = new View();
const token = /** @type {HTMLInputElement} */ (element('token'));
let running = false;
let done = false;

element('server').textContent = server.webSocketUrl;

/** @param {SubmitEvent} event */
async function start(event) {
  event.preventDefault();
  if (running) return;
  settle({ running: true, done: false });
  view.start();
  const milliseconds = await new Run(server, token.value.trim(), view).connect();
  if (milliseconds !== undefined) view.connected(milliseconds);
  settle({ running: false, done: true });
}

/** @param {{ running: boolean, done: boolean }} state */
function settle(state) {
  ({ running, done } = state);
  element('start').setAttribute('aria-disabled', String(running));
  element('copy').setAttribute('aria-disabled', String(!done));
}

function show() {
  const hidden = token.type === 'text';
  token.type = hidden ? 'password' : 'text';
  element('show').setAttribute('aria-pressed', String(!hidden));
  element('show').textContent = hidden ? 'Show' : 'Hide';
}

async function copyReport() {
  if (!done) return;
  const copied = await copy(report(view, server.webSocketUrl));
  element('copied').textContent = copied
    ? 'Copied: steps, times and sentences, without token and topic.'
    : 'The browser does not allow this page to copy.';
}

element('form').addEventListener('submit', start);
element('show').addEventListener('click', show);
element('copy').addEventListener('click', copyReport);
