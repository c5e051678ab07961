/** The operator page: asks once a second, and says so when there is no answer. */

import { get } from '../talk/dom.js';
import { ask, Refused } from './overview.js';
import { View } from './show.js';

const EVERY_MS = 1000;
/** Where the server says no, asking every second would only count against whoever asks. */
const AFTER_REFUSAL_MS = 15_000;

const view = new View();
const pause = get('pause');
const state = get('state');
let paused = false;
/** Since when there was no answer. @type {string | null} */
let lostAt = null;

/**
 * Say how it is, and only if that is news: a screen reader reads it out.
 *
 * @param {'live' | 'trouble' | 'waiting' | 'lost'} kind
 * @param {string} words
 */
function say(kind, words) {
  if (state.textContent === words) return;
  state.dataset.state = kind;
  state.textContent = words;
  document.body.toggleAttribute('data-stale', kind === 'lost');
}

function now() {
  return Date.now() / 1000;
}

/** @param {unknown} error @returns {number} when to ask again, in milliseconds */
function lost(error) {
  lostAt ??= new Date().toLocaleTimeString('en-GB');
  view.gap(now());
  if (error instanceof Refused) {
    const mend = error.status === 401 ? ' Reload the page to sign in.' : '';
    say('lost', `${error.message}. What is shown is from before ${lostAt}.${mend}`);
    return AFTER_REFUSAL_MS;
  }
  say('lost', `The server has not answered since ${lostAt}. What is shown is from before. Trying again every second.`);
  return EVERY_MS;
}

async function look() {
  try {
    const seen = await ask();
    view.show(seen, now());
    lostAt = null;
    const down = seen.engines.filter(({ ready }) => !ready).map(({ role }) => role);
    if (down.length > 0) say('trouble', `Live, but not ready: ${down.join(' and ')}.`);
    else say('live', 'Live: everything is ready.');
    return EVERY_MS;
  } catch (error) {
    return lost(error);
  }
}

async function run() {
  const began = performance.now();
  const again = paused ? EVERY_MS : await look();
  setTimeout(run, Math.max(0, again - (performance.now() - began)));
}

pause.addEventListener('click', () => {
  paused = !paused;
  pause.setAttribute('aria-pressed', String(paused));
  if (paused) say('waiting', 'Paused.');
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => view.recolour());
run();
