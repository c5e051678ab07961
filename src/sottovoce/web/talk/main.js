/** The talk page: what is pressed and what is told, joined. Everything about sessions and sound is the client's. */

import { MicrophoneUnavailable, NamespaceKeys, SottovoceError, VoiceClient } from '../client/index.js';
import { microphones, Talk } from '../client/browser.js';
import { Board } from './board.js';
import { button, get, make } from './dom.js';
import { Texts } from './texts.js';
import { Transcript } from './transcript.js';
import { turnAfter } from './turn.js';

/** @typedef {import('../client/session.js').VoiceSession} VoiceSession */

const HALF_A_SECOND_OF_PIECES = 25;
/** How loud speech into a microphone gets, as a root mean square. */
const LOUD = 0.25;

const client = new VoiceClient(new URL('.', document.baseURI).href, {
  // A page keeps nothing, not even who it was: its keys are gone with it.
  namespaceId: `page-${crypto.randomUUID()}`,
  keys: await NamespaceKeys.generate().catch(() => undefined),
});

const page = {
  texts: new Texts(Texts.usual()),
  /** @type {import('./turn.js').Turn} */
  turn: 'off',
  connecting: false,
  /** @type {VoiceSession | null} */
  session: null,
  /** @type {Talk | null} */
  talk: null,
  hears: false,
  /** @type {{ code: string, values: Record<string, string | number> } | null} */
  problem: null,
  /** @type {import('../client/session.js').Closed | null} */
  farewell: null,
};

const transcript = new Transcript(page.texts);
const board = new Board(page.texts, {
  answer: (taskId, value) => tried(() => page.session?.answerTask(taskId, value)),
  cancel: (taskId) => tried(() => page.session?.cancelTask(taskId)),
});

const start = get('start');
const mute = get('mute');
const device = /** @type {HTMLSelectElement} */ (get('device'));
const pushToTalk = /** @type {HTMLInputElement} */ (get('push-to-talk'));
const typed = /** @type {HTMLInputElement} */ (get('typed'));
const language = /** @type {HTMLSelectElement} */ (get('language'));
const level = get('level');

// -- what is shown ---------------------------------------------------------------------------------------------------

/** Everything that follows from `page`. */
function show() {
  const { texts, session, talk, hears } = page;
  const { all } = texts;
  const open = session !== null;
  document.body.dataset.turn = page.turn;
  const muted = hears && talk?.microphone.muted && page.turn === 'idle';
  const rest = hears ? all.turn.idle : all.turn.typing;
  get('turn').textContent = page.connecting
    ? all.turn.connecting
    : muted
      ? all.turn.muted
      : page.turn === 'idle'
        ? rest
        : all.turn[page.turn];
  get('before').hidden = open || page.connecting;
  get('during').hidden = !open;
  get('choices').hidden = !(open && hears);
  get('hold').hidden = !(hears && pushToTalk.checked);
  mute.hidden = !hears;
  mute.setAttribute('aria-pressed', String(talk?.microphone.muted ?? false));
  get('microphone').hidden = !open || hears;
  start.textContent = page.farewell === null ? all.start : all.again;
  typed.disabled = !open;
  /** @type {HTMLButtonElement} */ (get('typing').querySelector('button')).disabled = !open;
  get('ended').hidden = page.farewell === null;
  get('ended').textContent = page.farewell === null ? '' : texts.farewell(page.farewell);
  get('problem').hidden = page.problem === null;
  /** @type {HTMLElement} */ (get('problem').querySelector('p')).textContent =
    page.problem === null ? '' : texts.problem(page.problem.code, page.problem.values);
}

/**
 * @param {string} code
 * @param {Record<string, string | number>} [values]
 */
function complain(code, values = {}) {
  page.problem = { code, values };
  show();
}

/** @param {unknown} error */
function complainOf(error) {
  if (!(error instanceof SottovoceError)) throw error;
  const code = 'closeCode' in error ? String(error.closeCode) : '';
  complain(error.code, { message: error.message, code });
}

/**
 * Do it; if that fails, say so on the page.
 *
 * @param {() => unknown} what
 */
async function tried(what) {
  try {
    await what();
  } catch (error) {
    complainOf(error);
  }
}

/** Say it to those who do not see the page. @param {string} text */
function announce(text) {
  get('announcer').textContent = text;
}

// -- the conversation ------------------------------------------------------------------------------------------------

/** @param {boolean} withMicrophone */
async function begin(withMicrophone) {
  page.connecting = true;
  page.problem = null;
  page.farewell = null;
  transcript.clear();
  board.clear();
  show();
  // Made while the button's press still counts: a browser lets nothing play otherwise.
  const context = new AudioContext({ latencyHint: 'interactive' });
  try {
    const session = await client.open();
    page.session = session;
    page.turn = 'idle';
    page.talk = new Talk(session, context);
    listen(session, page.talk);
    session.update({ audio: { input: { transcription: { language: page.texts.language } } } });
    await page.talk.open();
  } catch (error) {
    context.close();
    page.session?.leave();
    page.session = null;
    complainOf(error);
  } finally {
    page.connecting = false;
    show();
  }
  if (page.session === null) return;
  if (withMicrophone) await tried(openMicrophone);
  (page.hears ? mute : typed).focus();
}

async function openMicrophone() {
  try {
    await page.talk?.microphone.open(device.value || undefined);
    page.hears = true;
    page.problem = null;
    await listDevices();
  } catch (error) {
    page.hears = false;
    if (!(error instanceof MicrophoneUnavailable)) throw error;
    complain(error.code);
  }
  show();
}

async function listDevices() {
  const found = await microphones();
  const chosen = page.talk?.microphone.deviceId ?? '';
  device.replaceChildren(
    ...found.map(({ id, name }) => make('option', { value: id }, name || page.texts.all.deviceDefault)),
  );
  if (found.some(({ id }) => id === chosen)) device.value = chosen;
}

/**
 * @param {VoiceSession} session
 * @param {Talk} talk
 */
function listen(session, talk) {
  session.on('event', (event) => {
    page.turn = turnAfter(page.turn, event);
    transcript.receive(event);
    board.receive(event);
    if ('task' in event) announce(board.describe(event.task));
    show();
  });
  session.on('sound', (pcm) => transcript.sound(pcm));
  session.on('connection', (status) => {
    if (status === 'reconnecting') page.turn = 'reconnecting';
    show();
  });
  session.on('conversation.item.input_audio_transcription.completed', ({ transcript: text }) => {
    if (text) announce(page.texts.fill(page.texts.all.heard, { text }));
  });
  // What was heard of an interrupted answer is known to the server alone.
  session.on('conversation.item.truncated', ({ item_id: itemId }) => {
    session.send({ type: 'conversation.item.retrieve', item_id: itemId });
  });
  session.on('session.expiring', ({ seconds_left: n }) => complain('expiring', { n }));
  session.on('error', ({ error }) => complain(error.code, { message: error.message }));
  session.on('closed', (closed) => over(closed));
  talk.on('heard', (heard) => transcript.heard(heard));
  talk.on('level', meter());
  talk.on('latency', ({ fromSpeechMs }) => (document.body.dataset.latencyMs = String(Math.round(fromSpeechMs))));
  talk.on('microphonegone', () => {
    page.hears = false;
    complain('microphone_missing');
  });
}

/** @param {import('../client/session.js').Closed} closed */
function over(closed) {
  page.session = null;
  page.talk = null;
  page.hears = false;
  page.turn = 'off';
  page.farewell = closed;
  pushToTalk.checked = false;
  transcript.clear();
  board.clear();
  show();
  level.style.setProperty('--level', '0');
  announce(page.texts.farewell(closed));
  start.focus();
}

/** Shows the loudness: to the eye at once, to the rest twice a second. */
function meter() {
  let pieces = 0;
  let shown = 0;
  return (/** @type {number} */ loudness) => {
    shown = Math.max(Math.min(1, Math.sqrt(loudness / LOUD)), 0.85 * shown);
    level.style.setProperty('--level', shown.toFixed(2));
    document.body.style.setProperty('--level', shown.toFixed(2));
    if (++pieces % HALF_A_SECOND_OF_PIECES === 0) level.setAttribute('aria-valuenow', String(Math.round(shown * 100)));
  };
}

// -- what is pressed -------------------------------------------------------------------------------------------------

start.addEventListener('click', () => begin(true));
get('start-typing').addEventListener('click', () => begin(false));
get('microphone').addEventListener('click', () => tried(openMicrophone));
get('end').addEventListener('click', () => tried(() => page.session?.end()));
mute.addEventListener('click', () => {
  if (page.talk === null) return;
  page.talk.microphone.muted = !page.talk.microphone.muted;
  show();
});
device.addEventListener('change', () => tried(openMicrophone));
pushToTalk.addEventListener('change', () => {
  page.talk?.pushToTalk(pushToTalk.checked);
  show();
});

const hold = get('hold');
for (const down of ['pointerdown', 'keydown']) {
  hold.addEventListener(down, (event) => {
    if (event instanceof KeyboardEvent && (event.repeat || ![' ', 'Enter'].includes(event.key))) return;
    page.talk?.hold();
    page.turn = 'listening';
    show();
  });
}
for (const up of ['pointerup', 'pointercancel', 'pointerleave', 'keyup', 'blur']) {
  hold.addEventListener(up, () => page.talk?.release());
}

get('typing').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = typed.value.trim();
  if (!text) return;
  tried(() => {
    page.session?.sendText(text);
    typed.value = '';
  });
});

get('problem')
  .querySelector('button')
  ?.addEventListener('click', () => {
    page.problem = null;
    show();
  });

language.addEventListener('change', () => {
  speak(/** @type {import('./texts.js').Language} */ (language.value));
  if (page.session?.connection === 'open') {
    page.session.update({ audio: { input: { transcription: { language: page.texts.language } } } });
  }
});

addEventListener('pagehide', () => page.session?.leave());

// -- the language ----------------------------------------------------------------------------------------------------

/** @param {import('./texts.js').Language} chosen */
function speak(chosen) {
  page.texts = new Texts(chosen);
  transcript.texts = page.texts;
  board.texts = page.texts;
  language.value = chosen;
  page.texts.apply();
  board.showAll();
  show();
  tried(listExamples);
}

async function listExamples() {
  const { language: asked } = page.texts;
  const examples = await client.examples(asked);
  if (asked !== page.texts.language) return;
  const items = examples.map(({ text }) => make('li', {}, button(text, () => say(text), 'quiet')));
  /** @type {HTMLElement} */ (get('help').querySelector('ul')).replaceChildren(...items);
}

/** Say it by hand: in the conversation there is, or a new one. @param {string} text */
async function say(text) {
  if (page.session === null) await begin(false);
  await tried(() => page.session?.sendText(text));
}

speak(page.texts.language);
