/** Tables that change in place: what stays the same is not touched, so that reading it is not disturbed. */

import { make } from '../talk/dom.js';

/** @typedef {{ text: string, number?: boolean, bad?: boolean }} Cell */

/**
 * Make the rows of a table body read so; the first cell of each is its header.
 *
 * @param {HTMLTableSectionElement} body
 * @param {Cell[][]} rows
 */
export function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach(({ text, number, bad }, column) => {
      const cell = row.cells[column] ?? row.appendChild(column === 0 ? make('th', { scope: 'row' }) : make('td'));
      if (cell.textContent !== text) cell.textContent = text;
      const look = [number ? 'number' : '', bad ? 'bad' : ''].filter(Boolean).join(' ');
      if (cell.className !== look) cell.className = look;
    });
  });
}

export class Table {
  /** @param {string} caption @param {string[]} heads those after the first are of figures, unless `words` says else @param {number[]} words */
  constructor(caption, heads, words = []) {
    const cells = heads.map((head, index) => {
      const number = index > 0 && !words.includes(index);
      return make('th', { scope: 'col', class: number ? 'number' : '' }, head);
    });
    this.body = make('tbody');
    const table = make('table', {}, make('caption', {}, caption), make('thead', {}, make('tr', {}, ...cells)), this.body);
    this.none = make('p', { class: 'none' }, 'None so far.');
    this.card = make('div', { class: 'card' }, table, this.none);
  }

  /** @param {Cell[][]} rows */
  show(rows) {
    fill(this.body, rows);
    this.none.hidden = rows.length > 0;
  }
}
