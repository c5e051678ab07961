import { SAMPLES_PER_MS } from '../client/sent-sound.js';
import { get, make } from './dom.js';

/**
 * @typedef {import('../client/events.js').ServerEvent} ServerEvent
 * @typedef {import('../client/speaker.js').Heard} Heard
 * @typedef {import('./texts.js').Texts} Texts
 */

/** How long a letter is spoken, in ms, until an answer has told. */
const LETTER_MS = 68;
const LETTERS_TO_TELL = 20;
/** As many as the server keeps. */
const MOST_LINES = 200;
/** Whoever has scrolled back further than this reads, and is left there. */
const AT_THE_END_PX = 40;

/**
 * One thing said, as it is shown.
 *
 * @typedef {object} Line
 * @property {HTMLLIElement} element
 * @property {HTMLElement} said its words; of an answer, those that were heard
 * @property {HTMLElement} rest words of an answer that are still to be heard
 * @property {HTMLElement} note
 * @property {string} text all of its words
 * @property {number} soundMs of an answer: how much sound of it has come
 * @property {number} heardMs
 * @property {boolean} spoken
 * @property {boolean} committed the user's turn is over: its words will come
 * @property {boolean} final
 */

/** The conversation on the page: words as they form, answers as they are heard. */
export class Transcript {
  /** @param {Texts} texts */
  constructor(texts) {
    this.texts = texts;
    this._list = get('transcript');
    /** @type {Map<string, Line>} by item id */
    this._lines = new Map();
    this._speaking = '';
    this._letterMs = LETTER_MS;
  }

  clear() {
    this._list.replaceChildren();
    this._lines.clear();
    get('silence').hidden = false;
  }

  /** @param {ServerEvent} event */
  receive(event) {
    switch (event.type) {
      case 'conversation.item.added':
        if (event.item.role !== 'system') this._add(event.item);
        break;
      case 'conversation.item.input_audio_transcription.delta':
        this._line(event.item_id, 'user').text += event.delta;
        this._show(event.item_id);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        this._settle(event.item_id, event.transcript || this.texts.all.notHeard);
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this._settle(event.item_id, this.texts.all.notHeard);
        break;
      case 'response.output_text.delta':
      case 'response.output_audio_transcript.delta':
        this._line(event.item_id, 'assistant').text += event.delta;
        this._line(event.item_id, 'assistant').spoken = event.type === 'response.output_audio_transcript.delta';
        this._show(event.item_id);
        break;
      case 'output_audio_buffer.started':
        this._speaking = [...this._lines.keys()].at(-1) ?? '';
        break;
      case 'conversation.item.retrieved':
        this._cut(event.item.id, event.item.content[0]?.transcript ?? '');
        break;
      case 'conversation.item.deleted':
        this._remove(event.item_id);
        break;
      case 'input_audio_buffer.cleared':
        this.dropUnsaid();
        break;
    }
  }

  /** The turn that was begun comes to nothing. */
  dropUnsaid() {
    for (const [itemId, line] of this._lines) if (!line.committed && !line.final) this._remove(itemId);
  }

  /** @param {string} itemId */
  _remove(itemId) {
    this._lines.get(itemId)?.element.remove();
    this._lines.delete(itemId);
  }

  /** @param {() => void} change */
  _keepTheEnd(change) {
    const list = this._list;
    const atTheEnd = list.scrollHeight - list.clientHeight - list.scrollTop < AT_THE_END_PX;
    change();
    if (atTheEnd) list.scrollTop = list.scrollHeight;
  }

  /** @param {Int16Array} pcm more sound of the answer that is being spoken */
  sound(pcm) {
    const line = this._lines.get(this._speaking);
    if (line !== undefined) line.soundMs += pcm.length / SAMPLES_PER_MS;
  }

  /** @param {Heard} heard */
  heard({ say, itemId, playedMs }) {
    const line = this._lines.get(itemId);
    if (line === undefined || line.final) return;
    line.heardMs = say === 'done' ? line.soundMs : playedMs;
    line.final = say === 'done';
    if (line.final && line.text.length >= LETTERS_TO_TELL) this._letterMs = line.soundMs / line.text.length;
    this._show(itemId);
  }

  /** @param {import('../client/events.js').ItemView} item */
  _add(item) {
    const role = item.role === 'assistant' ? 'assistant' : 'user';
    const line = this._line(item.id, role);
    line.committed = true;
    const typed = item.content.find((part) => part.type === 'input_text');
    if (typed !== undefined) {
      line.text = typed.text;
      line.final = true;
      this._show(item.id);
    }
  }

  /**
   * @param {string} itemId
   * @param {'user' | 'assistant'} role
   * @returns {Line}
   */
  _line(itemId, role) {
    const known = this._lines.get(itemId);
    if (known !== undefined) return known;
    const said = make('span');
    const rest = make('span', { class: 'rest' });
    const note = make('span', { class: 'note' });
    const who = make('span', { class: 'who' }, role === 'user' ? this.texts.all.you : 'Sottovoce');
    const element = make('li', { class: `${role} partial` }, who, make('p', {}, said, rest, note));
    const line = { element, said, rest, note, text: '', soundMs: 0, heardMs: 0, spoken: false, committed: false, final: false };
    this._lines.set(itemId, line);
    this._keepTheEnd(() => this._list.append(element));
    for (const oldest of [...this._lines.keys()].slice(0, -MOST_LINES)) this._remove(oldest);
    get('silence').hidden = true;
    return line;
  }

  /**
   * @param {string} itemId
   * @param {string} text
   */
  _settle(itemId, text) {
    const line = this._line(itemId, 'user');
    line.text = text;
    line.final = true;
    this._show(itemId);
  }

  /**
   * @param {string} itemId
   * @param {string} text
   */
  _cut(itemId, text) {
    const line = this._lines.get(itemId);
    if (line === undefined) return;
    line.text = text;
    line.final = true;
    line.element.classList.add('cut');
    this._show(itemId);
  }

  /** @param {string} itemId */
  _show(itemId) {
    const line = this._lines.get(itemId);
    if (line === undefined) return;
    this._keepTheEnd(() => this._write(line));
  }

  /** @param {Line} line */
  _write(line) {
    const heard = line.final || !line.spoken ? line.text.length : this._heardLetters(line);
    line.said.textContent = line.text.slice(0, heard);
    line.rest.textContent = line.text.slice(heard);
    const isUser = line.element.classList.contains('user');
    const { all } = this.texts;
    const note = line.element.classList.contains('cut') ? all.cut : isUser && !line.final ? all.partial : '';
    line.note.textContent = note && ` — ${note}`;
    line.element.classList.toggle('partial', isUser && !line.final);
  }

  /**
   * Whole words, by their share of the sound: of which more may come, so that its length is an estimate.
   *
   * @param {Line} line
   */
  _heardLetters(line) {
    if (line.soundMs === 0) return 0;
    const letters = Math.floor((line.text.length * line.heardMs) / Math.max(line.soundMs, line.text.length * this._letterMs));
    return line.text.lastIndexOf(' ', letters) + 1;
  }
}
