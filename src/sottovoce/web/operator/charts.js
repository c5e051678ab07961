/** Charts of what happened lately: a figure each, with its values in words. Drawn by uPlot. */

import { make } from '../talk/dom.js';

/** @typedef {import('./history.js').History} History */
/** @typedef {{ name: string, label: string }} Line */

/**
 * @typedef {object} Subject
 * @property {string} title
 * @property {Line[]} lines at most three
 * @property {(value: number | null) => string} text how a value reads
 * @property {boolean} [counts] its values are whole
 */

/** @type {typeof import('uplot')} */
const Plot = /** @type {any} */ (globalThis).uPlot;

const HEIGHT = 176;
const WHOLE = [1, 2, 5].flatMap((first) => [1, 10, 100, 1_000, 10_000].map((ten) => first * ten)).sort((a, b) => a - b);
const TIMES_HEIGHT = 32;
/** A chart is so wide, in seconds, even while less is known. */
const LEAST_S = 60;
const AXIS_WIDTH = 58;
/** Lines differ by their dashes as well as by their colours. */
const LOOKS = [
  { colour: '--first', dash: [] },
  { colour: '--second', dash: [8, 5] },
  { colour: '--third', dash: [2, 4] },
];

/** A colour of the style sheet as it is now, light or dark. @param {string} property */
function colour(property) {
  const probe = make('span');
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

export class Chart {
  /** @param {Subject} subject @param {History} history */
  constructor(subject, history) {
    this.subject = subject;
    this.history = history;
    this.legends = subject.lines.map(() => make('span', { class: 'legend' }));
    this.plotted = make('div', { class: 'plot', role: 'img' });
    const caption = make('figcaption', {}, make('strong', {}, subject.title), ...this.legends);
    this.figure = make('figure', {}, caption, this.plotted);
    /** @type {import('uplot') | null} */
    this.plot = null;
    /** @type {number | null} where the pointer is */
    this.pointed = null;
    new ResizeObserver(() => this.fit()).observe(this.plotted);
  }

  /** Draw anew with the colours of now. */
  build() {
    this.plot?.destroy();
    this.plot = new Plot(this.options(), /** @type {any} */ (this.data()), this.plotted);
  }

  data() {
    return this.history.of(this.subject.lines.map(({ name }) => name));
  }

  /** @returns {import('uplot').Options} */
  options() {
    const { lines, text, counts } = this.subject;
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    return {
      width: this.plotted.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { setScale: false, x: false, y: false } },
      scales: {
        x: { range: (_plot, min, max) => [Math.min(min ?? 0, (max ?? 0) - LEAST_S), max ?? LEAST_S] },
        y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, size: TIMES_HEIGHT, space: 80, values: (_plot, ticks) => ticks.map(time) },
        { ...axis, size: AXIS_WIDTH, space: 34, values: (_plot, ticks) => ticks.map(text), ...(counts && { incrs: WHOLE }) },
      ],
      series: [
        {},
        ...lines.map((_line, index) => ({
          stroke: colour(LOOKS[index].colour),
          dash: LOOKS[index].dash,
          width: 2,
          points: { show: false },
        })),
      ],
      hooks: {
        setCursor: [
          (plot) => {
            this.pointed = plot.cursor.idx ?? null;
            this.tell();
          },
        ],
      },
    };
  }

  /** The history has grown. */
  update() {
    if (this.plot === null) this.build();
    else this.plot.setData(/** @type {any} */ (this.data()));
    this.tell();
  }

  /** The values in words: where the pointer is, else the newest. */
  tell() {
    const at = this.pointed ?? this.history.times.length - 1;
    const told = this.subject.lines.map(({ name, label }) => {
      return `${label} ${this.subject.text(this.history.columns[name][at] ?? null)}`;
    });
    told.forEach((words, index) => {
      this.legends[index].textContent = words;
    });
    this.plotted.setAttribute('aria-label', `${this.subject.title}, a chart; now: ${told.join(', ')}`);
  }

  fit() {
    const width = this.plotted.clientWidth;
    if (this.plot !== null && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }
}

/** @param {number} seconds since the epoch */
function time(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}
