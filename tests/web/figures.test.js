/** How figures read, and what charts remember. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duration, memory, milliseconds, rate, whole, words } from '../../src/sottovoce/web/operator/format.js';
import { History, SPAN_S } from '../../src/sottovoce/web/operator/history.js';

test('what is not known reads as a dash', () => {
  for (const form of [whole, rate, milliseconds, memory]) assert.equal(form(null), '–');
});

test('figures have the digits that matter', () => {
  assert.equal(whole(100_000), '100,000');
  assert.deepEqual([0.128, 12.34, 1234.5].map(rate), ['0.13', '12.3', '1,235']);
  assert.deepEqual([0.42, 42.4, 1500, 65_000].map(milliseconds), ['0.4 ms', '42 ms', '1,500 ms', '1 min 5 s']);
  assert.equal(memory(98 * 1024 * 1024), '98 MiB');
});

test('durations read in their two largest units', () => {
  assert.deepEqual(
    [-1, 0.9, 59, 60, 3_661, 86_400, 266_400].map(duration),
    ['0 s', '0 s', '59 s', '1 min 0 s', '1 h 1 min', '1 d 0 h', '3 d 2 h'],
  );
});

test('codes read as words', () => {
  assert.equal(words('too_many_sessions'), 'too many sessions');
  assert.equal(words('4404'), '4404 no such session');
});

test('a history keeps its span and has gaps where nothing was known', () => {
  const history = new History(['live', 'lag']);
  for (let second = 0; second < 2 * SPAN_S; second += 1) history.add(second, second === SPAN_S + 1 ? {} : { live: second });
  const [times, live, lag] = history.of(['live', 'lag']);
  assert.equal(times[0], SPAN_S - 1);
  assert.equal(times.length, SPAN_S + 1);
  assert.deepEqual(live.slice(0, 4), [SPAN_S - 1, SPAN_S, null, SPAN_S + 2]);
  assert.deepEqual(new Set(lag), new Set([null]));
});
