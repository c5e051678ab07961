import { button, get, make } from './dom.js';

/**
 * @typedef {import('../client/events.js').TaskView} TaskView
 * @typedef {import('./texts.js').Texts} Texts
 */

/**
 * @typedef {object} Doing what a press of a button on the board does
 * @property {(taskId: string, value: boolean | string) => void} answer
 * @property {(taskId: string) => void} cancel
 */

/** @type {Record<string, string>} state to the id of its column */
const COLUMNS = { submitted: 'working', working: 'working', input_required: 'asking' };

/** Of finished tasks, the newest. */
const MOST_FINISHED = 50;

/** The tasks of the conversation, each in the column of its state. */
export class Board {
  /**
   * @param {Texts} texts
   * @param {Doing} doing
   */
  constructor(texts, doing) {
    this.texts = texts;
    this._doing = doing;
    /** @type {Map<string, TaskView>} */
    this._tasks = new Map();
    /** @type {Map<string, HTMLLIElement>} */
    this._cards = new Map();
  }

  clear() {
    for (const card of this._cards.values()) card.remove();
    this._tasks.clear();
    this._cards.clear();
  }

  /** The tasks as they are, in the language that was chosen. */
  showAll() {
    for (const task of this._tasks.values()) this._show(task);
  }

  /** @param {import('../client/events.js').ServerEvent} event */
  receive(event) {
    if (event.type.startsWith('task.') && 'task' in event) {
      this._tasks.delete(event.task.id); // the one that moved last is the newest
      this._tasks.set(event.task.id, event.task);
      this._show(event.task);
    }
  }

  /** What is now to be said of a task to those who do not see the board. @param {TaskView} task */
  describe(task) {
    const { all } = this.texts;
    const state = this.texts.fill(all.taskNow, { type: this._type(task), state: this._state(task) });
    return task.question ? `${state}. ${task.question}` : state;
  }

  /** @param {TaskView} task */
  _show(task) {
    const card = make('li', { 'data-state': task.state, 'data-type': task.type });
    card.append(make('strong', {}, this._type(task)), ' ', make('span', { class: 'state' }, this._state(task)));
    const what = this._what(task);
    if (what) card.append(make('p', {}, what));
    if (task.question) card.append(make('p', { class: 'question' }, task.question));
    if (task.error_message) card.append(make('p', {}, task.error_message));
    const buttons = this._buttons(task);
    if (buttons.length > 0) card.append(make('div', { class: 'buttons' }, ...buttons));
    const held = this._cards.get(task.id)?.contains(document.activeElement) ?? false;
    this._cards.get(task.id)?.remove();
    this._cards.set(task.id, card);
    get(COLUMNS[task.state] ?? 'finished').prepend(card);
    this._forgetOldest();
    // Whoever was on a button of this task stays with it.
    if (held) (card.querySelector('button') ?? get('board-title')).focus();
  }

  _forgetOldest() {
    const finished = [...this._tasks.values()].filter(({ state }) => !(state in COLUMNS));
    for (const { id } of finished.slice(0, -MOST_FINISHED)) {
      this._cards.get(id)?.remove();
      this._cards.delete(id);
      this._tasks.delete(id);
    }
  }

  /** @param {TaskView} task */
  _buttons(task) {
    const { all } = this.texts;
    const { answer, cancel } = this._doing;
    /** @type {HTMLElement[]} */
    const buttons = [];
    if (task.state === 'input_required' && task.expects === 'yes_no') {
      buttons.push(button(all.confirm, () => answer(task.id, true), 'primary'));
      buttons.push(button(all.refuse, () => answer(task.id, false)));
      return buttons;
    }
    if (task.state === 'input_required' && task.expects === 'text') buttons.push(this._form(task));
    if (task.state in COLUMNS) buttons.push(button(all.cancel, () => cancel(task.id)));
    return buttons;
  }

  /** @param {TaskView} task */
  _form(task) {
    const { all } = this.texts;
    const input = make('input', { 'aria-label': all.answer, maxlength: '2000', autocomplete: 'off' });
    const form = make('form', {}, input, make('button', { type: 'submit' }, all.send));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (input.value.trim()) this._doing.answer(task.id, input.value.trim());
    });
    return form;
  }

  /** @param {TaskView} task */
  _type(task) {
    return /** @type {Record<string, string>} */ (this.texts.all.types)[task.type] ?? task.type;
  }

  /** @param {TaskView} task */
  _state(task) {
    return /** @type {Record<string, string>} */ (this.texts.all.states)[task.state];
  }

  /** @param {TaskView} task */
  _what({ arguments: given }) {
    const { language, all } = this.texts;
    const parts = [];
    if (typeof given.text === 'string') parts.push(given.text);
    if (typeof given.due === 'string') {
      parts.push(this.texts.fill(all.due, { time: moment(new Date(given.due), language) }));
    }
    if (typeof given.seconds === 'number') parts.push(duration(given.seconds));
    return parts.join(' · ');
  }
}

/**
 * @param {Date} date
 * @param {string} language
 */
function moment(date, language) {
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(language, { dateStyle: today ? undefined : 'short', timeStyle: 'short' });
}

/** @param {number} seconds */
function duration(seconds) {
  const pad = (/** @type {number} */ part) => String(part).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}
