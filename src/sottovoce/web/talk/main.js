/** The talk page: what is pressed and what is told, joined. Everything about sessions and sound is the client's. */

import { MicrophoneUnavailable, SottovoceError, StreamClosed } from '../client/index.js';
import { microphones, Talk } from '../client/browser.js';
import { Access } from './access.js';
import { Board } from './board.js';
import { button, get, make, write } from './dom.js';
import { Texts } from './texts.js';
import { Transcript } from './transcript.js';
import { turnAfter } from './turn.js';

/** @typedef {import('../client/session.js').VoiceSession} VoiceSession */

const HALF_A_SECOND_OF_PIECES = 25;
/** How loud speech into a microphone gets, as a root mean square. */
const LOUD = 0.25;
const FOREIGN_ORIGIN = 4403;

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

const access = new Access(page.texts);
await access.prepare();
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
  const turn = page.turn === 'idle' ? (muted ? all.turn.muted : rest) : all.turn[page.turn];
  write(get('turn'), page.connecting ? all.turn.connecting : turn);
  get('before').hidden = open || page.connecting;
  get('during').hidden = !open;
  get('choices').hidden = !(open && hears);
  get('hold').hidden = !(hears && pushToTalk.checked);
  mute.hidden = !hears;
  mute.setAttribute('aria-pressed', String(talk?.microphone.muted ?? false));
  get('microphone').hidden = !open || hears;
  write(start, page.farewell === null ? all.start : all.again);
  typed.disabled = !open;
  /** @type {HTMLButtonElement} */ (get('typing').querySelector('button')).disabled = !open;
  get('ended').hidden = page.farewell === null;
  write(get('ended'), page.farewell === null ? '' : texts.farewell(page.farewell));
  get('problem').hidden = page.problem === null;
  write(
    get('problem').querySelector('p'),
    page.problem === null ? '' : texts.problem(page.problem.code, page.problem.values),
  );
}

/**
 * @param {string} code
 * @param {Record<string, string | number>} [values]
 */
function complain(code, values = {}) {
  page.problem = { code, values };
  show();
}

/** What is wrong was put right: no more of it. @param {RegExp} codes */
function settled(codes) {
  if (page.problem !== null && codes.test(page.problem.code)) page.problem = null;
}

/** @param {unknown} error */
function complainOf(error) {
  if (!(error instanceof SottovoceError)) {
    complain('unknown', { message: String(error) });
    throw error;
  }
  const closeCode = error instanceof StreamClosed ? error.closeCode : 0;
  complain(closeCode === FOREIGN_ORIGIN ? 'foreign_origin' : error.code, { message: error.message, code: closeCode });
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

/** @type {Promise<void> | null} */
let beginning = null;

/** One session, however often it is pressed. @param {boolean} withMicrophone */
function begin(withMicrophone) {
  beginning ??= connect(withMicrophone).finally(() => (beginning = null));
  return beginning;
}

/** @param {boolean} withMicrophone */
async function connect(withMicrophone) {
  page.connecting = true;
  page.problem = null;
  page.farewell = null;
  transcript.clear();
  board.clear();
  show();
  /** @type {AudioContext | null} */
  let context = null;
  /** @type {VoiceSession | null} */
  let session = null;
  try {
    // Made while the button's press still counts: a browser lets nothing play otherwise.
    context = new AudioContext({ latencyHint: 'interactive' });
    session = await access.open();
    page.session = session;
    page.turn = 'idle';
    page.talk = new Talk(session, context);
    listen(session, page.talk);
    session.update({
      audio: { input: { transcription: { language: page.texts.language } } },
      output_modalities: [page.talk.canPlay ? 'audio' : 'text'],
    });
    await page.talk.open();
  } catch (error) {
    if (session !== null) session.leave();
    if (context !== null && context.state !== 'closed') context.close();
    complainOf(error);
  } finally {
    page.connecting = false;
    show();
  }
  if (page.session === null) return;
  if (withMicrophone) await tried(() => openMicrophone(device.value));
  if (page.session === session) (page.hears ? mute : typed).focus();
}

/** @param {string} [deviceId] the browser's choice, if not given or gone */
async function openMicrophone(deviceId = '') {
  const { talk } = page;
  if (talk === null) return;
  try {
    await talk.microphone.open(deviceId || undefined);
    settled(/^microphone_/);
  } catch (error) {
    if (!(error instanceof MicrophoneUnavailable)) throw error;
    if (talk !== page.talk) return;
    if (deviceId && error.code === 'microphone_missing' && !talk.microphone.opened) return openMicrophone();
    complain(talk.microphone.opened ? 'microphone_kept' : error.code);
  }
  if (talk !== page.talk) return; // it was ended meanwhile
  page.hears = talk.microphone.opened;
  await listDevices();
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
    if (['input_audio_buffer.speech_started', 'response.created'].includes(event.type)) settled(/^expiring_idle$/);
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
  session.on('session.expiring', ({ seconds_left: n, reason }) => {
    if (n > 0) complain(reason === 'idle' ? 'expiring_idle' : 'expiring', { n });
  });
  session.on('error', ({ error }) => complain(error.code, { message: error.message }));
  session.on('response.done', ({ response }) => {
    if (response.status === 'failed') complain('answer_failed');
  });
  session.on('closed', (closed) => over(closed));
  talk.on('heard', (heard) => transcript.heard(heard));
  talk.on('level', meter());
  talk.on('latency', ({ fromSpeechMs }) => (document.body.dataset.latencyMs = String(Math.round(fromSpeechMs))));
  talk.on('microphonegone', () => {
    page.hears = false;
    quiet();
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
  settled(/^expiring|^language_|^answer_|^events_/);
  transcript.clear();
  board.clear();
  show();
  quiet();
  announce(page.texts.farewell(closed));
  start.focus();
}

/** No loudness to show. */
function quiet() {
  level.style.setProperty('--level', '0');
  document.body.style.setProperty('--level', '0');
  level.setAttribute('aria-valuenow', '0');
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
get('microphone').addEventListener('click', () => tried(() => openMicrophone()));
get('hush').addEventListener('click', silence);
addEventListener('keydown', ({ key }) => key === 'Escape' && silence());
get('end').addEventListener('click', () => tried(() => page.session?.end()));
mute.addEventListener('click', () => {
  if (page.talk === null) return;
  page.talk.microphone.muted = !page.talk.microphone.muted;
  show();
});
device.addEventListener('change', () => tried(() => openMicrophone(device.value)));
navigator.mediaDevices?.addEventListener('devicechange', () => page.hears && tried(listDevices));
pushToTalk.addEventListener('change', () => {
  page.talk?.pushToTalk(pushToTalk.checked);
  transcript.dropUnsaid(); // what was begun in the other way comes to nothing
  if (page.turn === 'listening') page.turn = 'idle';
  show();
});

/** An answer is cut to what was heard, as if one had spoken over it. */
function silence() {
  page.talk?.silence();
}

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
  hold.addEventListener(up, () => {
    page.talk?.release();
    if (page.turn === 'listening') page.turn = 'idle';
    show();
  });
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
  settled(/^language_/);
  page.session?.update({ audio: { input: { transcription: { language: page.texts.language } } } });
  show();
});

addEventListener('pagehide', () => page.session?.leave());

// -- the language ----------------------------------------------------------------------------------------------------

/** @param {import('./texts.js').Language} chosen */
function speak(chosen) {
  page.texts = new Texts(chosen);
  access.texts = page.texts;
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
  const examples = await access.client.examples(asked);
  settled(/^credential_/);
  show();
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
