/** What was seen lately, in columns as charts want them. */

export const SPAN_S = 300;

export class History {
  /** Seconds since the epoch. @type {number[]} */
  times = [];
  /** By name, as long as `times`; null where there is nothing to tell. @type {Record<string, (number | null)[]>} */
  columns = {};

  /** @param {string[]} names of the columns */
  constructor(names) {
    for (const name of names) this.columns[name] = [];
  }

  /**
   * One more moment; what lies before the last SPAN_S goes. A column that is not in `values` has a gap there.
   *
   * @param {number} now seconds since the epoch
   * @param {Record<string, number | null>} values
   */
  add(now, values) {
    this.times.push(now);
    for (const [name, column] of Object.entries(this.columns)) column.push(values[name] ?? null);
    const old = this.times.findIndex((time) => time >= now - SPAN_S);
    if (old > 0) {
      this.times.splice(0, old);
      for (const column of Object.values(this.columns)) column.splice(0, old);
    }
  }

  /**
   * What a chart of these columns draws.
   *
   * @param {string[]} names
   * @returns {(number | null)[][]}
   */
  of(names) {
    return [this.times, ...names.map((name) => this.columns[name])];
  }
}
