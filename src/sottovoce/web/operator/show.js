/** An overview, put on the page. */

import { get, make } from '../talk/dom.js';
import { Chart } from './charts.js';
import { duration, memory, milliseconds, NOTHING, rate, whole, words } from './format.js';
import { History } from './history.js';
import { fill, Table } from './tables.js';

/** @typedef {import('./overview.js').Overview} Overview */
/** @typedef {import('./overview.js').Counts} Counts */
/** @typedef {import('./overview.js').Percentiles} Percentiles */

/** @type {import('./charts.js').Subject[]} */
const SUBJECTS = [
  {
    title: 'Sessions',
    lines: [
      { name: 'live', label: 'live' },
      { name: 'active', label: 'connected' },
    ],
    text: whole,
    counts: true,
  },
  {
    title: 'Rates a second, over a minute',
    lines: [
      { name: 'turns', label: 'turns' },
      { name: 'answers', label: 'answers' },
    ],
    text: rate,
  },
  {
    title: 'From the end of a turn to the first sound of its answer',
    lines: [
      { name: 'p50', label: 'p50' },
      { name: 'p95', label: 'p95' },
      { name: 'p99', label: 'p99' },
    ],
    text: milliseconds,
  },
  { title: 'How late the event loop runs', lines: [{ name: 'lag', label: 'lag' }], text: milliseconds },
];

const TILES = /** @type {const} */ ({
  live: 'Live sessions',
  talking: 'Talking now',
  turns: 'Turns a second',
  answer: 'First sound, p95',
  lag: 'Event loop is late',
  memory: 'Memory',
  cpu: 'CPU of one core',
});

export class View {
  constructor() {
    this.history = new History(SUBJECTS.flatMap(({ lines }) => lines.map(({ name }) => name)));
    this.charts = SUBJECTS.map((subject) => new Chart(subject, this.history));
    get('figures').append(...this.charts.map(({ figure }) => figure));
    this.tables = {
      sessions: new Table('Live sessions', ['State', 'Sessions']),
      engines: new Table('Engines', ['Engine', 'State', 'Workers', 'Restarts', 'Waiting'], [1]),
      latency: new Table('Latency after the end of a turn, last five minutes', ['To', 'p50', 'p95', 'p99', 'Count']),
      rates: new Table('Rates over the last minute', ['What', 'A second']),
      tasks: new Table('Tasks', ['State', 'Tasks']),
      coming: new Table('Sessions since the start', ['What', 'Sessions']),
      drops: new Table('Refused or cut since the start', ['What', 'Times']),
    };
    get('counts').append(...Object.values(this.tables).map(({ card }) => card));
    /** @type {Record<string, { value: HTMLElement, more: HTMLElement }>} */
    this.tiles = {};
    for (const [name, title] of Object.entries(TILES)) {
      const tile = { value: make('dd', { class: 'value' }, NOTHING), more: make('dd', { class: 'more' }) };
      this.tiles[name] = tile;
      get('now').append(make('div', {}, make('dt', {}, title), tile.value, tile.more));
    }
  }

  /** Draw the charts in the colours of now. */
  recolour() {
    for (const chart of this.charts) if (chart.plot !== null) chart.build();
  }

  /** There was nothing to be had at that moment. @param {number} now */
  gap(now) {
    this.history.add(now, {});
    for (const chart of this.charts) chart.update();
  }

  /** @param {Overview} seen @param {number} now seconds since the epoch */
  show(seen, now) {
    this.remember(seen, now);
    this.showTiles(seen);
    this.showTables(seen);
    get('server').textContent = `Version ${seen.version}, up for ${duration(seen.uptime_seconds)}`;
    document.title = `${whole(seen.sessions.live)} live – Sottovoce operator`;
  }

  /** @param {Overview} seen @param {number} now */
  remember({ sessions, rates, latency, process }, now) {
    this.history.add(now, {
      live: sessions.live,
      active: sessions.by_status.active,
      turns: rates.turns,
      answers: rates.answers,
      p50: latency.answer.p50_ms,
      p95: latency.answer.p95_ms,
      p99: latency.answer.p99_ms,
      lag: process.loop_lag_ms,
    });
    for (const chart of this.charts) chart.update();
  }

  /** @param {keyof typeof TILES} name @param {string} value @param {string} more */
  tile(name, value, more) {
    this.tiles[name].value.textContent = value;
    this.tiles[name].more.textContent = more;
  }

  /** @param {Overview} seen */
  showTiles({ sessions, admission, rates, latency, process }) {
    const { listening, thinking, speaking } = sessions.by_turn;
    const { maximum, room } = admission;
    const answers = latency.answer.count;
    this.tile('live', whole(sessions.live), maximum === 0 ? 'takes no more' : `room for ${whole(room)}`);
    this.tile('talking', whole(listening + thinking + speaking), `${whole(sessions.by_status.active)} connected`);
    this.tile('turns', rate(rates.turns), `${rate(rates.answers)} answers`);
    this.tile('answer', milliseconds(latency.answer.p95_ms), `of ${whole(answers)} answers`);
    this.tile('lag', milliseconds(process.loop_lag_ms), 'on average');
    this.tile('memory', memory(process.memory_bytes), 'this process');
    this.tile('cpu', process.cpu_percent === null ? NOTHING : `${rate(process.cpu_percent)} %`, 'over a minute');
  }

  /** @param {Overview} seen */
  showTables(seen) {
    const { tables } = this;
    const { sessions, admission, engines, latency, rates, tasks, drops } = seen;
    tables.sessions.show([
      ...counts(sessions.by_status, '', { created: 'created, not connected yet' }),
      ...counts(sessions.by_turn, 'turn: '),
      count('most this server takes', admission.maximum),
      count('room for', admission.room),
    ]);
    tables.engines.show(
      engines.flatMap(({ role, links, ...engine }) => [
        fares(`${role} ${engine.name}`, engine),
        ...links.map((link) => fares(`${role}: ${link.name}, ${whole(link.failures)} failures`, link)),
      ]),
    );
    tables.latency.show([times('first sound', latency.answer), times('transcript', latency.transcription)]);
    tables.rates.show(
      Object.entries({ 'sessions opened': rates.sessions, turns: rates.turns, answers: rates.answers, 'frames of sound': rates.frames }).map(
        ([what, value]) => [{ text: what }, { text: rate(value), number: true }],
      ),
    );
    tables.tasks.show([...counts(tasks.pending, ''), ...counts(tasks.ended, '', {}, ' since the start')]);
    tables.coming.show([
      count('opened', sessions.opened),
      ...counts(sessions.refused, 'refused: '),
      ...counts(sessions.ended, 'ended: '),
    ]);
    tables.drops.show([
      ...counts(drops.streams, 'stream: '),
      count('answers interrupted by speech', drops.interruptions),
      ...counts(drops.bad_messages, 'bad message: '),
    ]);
    this.showNewest(seen);
  }

  /** @param {Overview} seen */
  showNewest({ newest }) {
    const body = /** @type {HTMLTableElement} */ (get('newest')).tBodies[0];
    fill(
      body,
      newest.map(({ id, status, turn, age_seconds, messages, tasks, device_type }) => [
        { text: id },
        { text: status },
        { text: turn },
        { text: duration(age_seconds), number: true },
        { text: whole(messages), number: true },
        { text: whole(tasks), number: true },
        { text: device_type },
      ]),
    );
    get('newest').hidden = newest.length === 0;
    /** @type {HTMLElement} */ (get('newest').nextElementSibling).hidden = newest.length > 0;
  }
}

/** @param {string} what @param {number} value @returns {import('./tables.js').Cell[]} */
function count(what, value) {
  return [{ text: what }, { text: whole(value), number: true }];
}

/**
 * @param {Counts} values
 * @param {string} before
 * @param {Record<string, string>} named what reads differently
 * @param {string} after
 */
function counts(values, before, named = {}, after = '') {
  return Object.entries(values).map(([code, value]) => count(`${before}${named[code] ?? words(code)}${after}`, value));
}

/** @param {string} what @param {Percentiles} seen @returns {import('./tables.js').Cell[]} */
function times(what, { count: all, p50_ms, p95_ms, p99_ms }) {
  return [{ text: what }, ...[p50_ms, p95_ms, p99_ms].map((value) => ({ text: milliseconds(value), number: true })), { text: whole(all), number: true }];
}

/**
 * @param {string} what
 * @param {{ ready: boolean, breaker?: string, workers: number, restarts: number, waiting: number }} engine
 * @returns {import('./tables.js').Cell[]}
 */
function fares(what, { ready, breaker, workers, restarts, waiting }) {
  const rests = breaker !== undefined && breaker !== 'closed';
  return [
    { text: what },
    { text: ready ? (rests ? 'left alone' : 'ready') : 'not ready', bad: !ready || rests },
    ...[workers, restarts, waiting].map((value) => ({ text: whole(value), number: true })),
  ];
}
