import assert from 'node:assert/strict';
import test from 'node:test';

import { PlaybackBuffer } from '../src/playback-buffer.js';

const RATE = 1_000;
const loud = (/** @type {number} */ samples) => new Float32Array(samples).fill(1);

/**
 * @param {PlaybackBuffer} buffer
 * @param {number} samples
 */
function pull(buffer, samples) {
  const output = new Float32Array(samples);
  const done = buffer.pull(output);
  return { output, done, heard: output.filter((sample) => sample !== 0).length };
}

test('an answer waits until there is enough to bridge a hiccup, then plays', () => {
  const buffer = new PlaybackBuffer(RATE, 0.06);
  buffer.begin('a');
  buffer.add(loud(50));
  assert.equal(pull(buffer, 20).heard, 0);
  buffer.add(loud(20));
  assert.equal(pull(buffer, 20).heard, 20);
  assert.deepEqual(buffer.current, { itemId: 'a', samples: 20 });
});

test('a short answer that is whole does not wait', () => {
  const buffer = new PlaybackBuffer(RATE, 0.06);
  buffer.begin('a');
  buffer.add(loud(10));
  buffer.end();
  const { heard, done } = pull(buffer, 20);
  assert.equal(heard, 10);
  assert.deepEqual(done, [{ itemId: 'a', samples: 10 }]);
  assert.equal(buffer.current, null);
});

test('an answer that runs dry waits again, and says so', () => {
  const buffer = new PlaybackBuffer(RATE, 0.06);
  buffer.begin('a');
  buffer.add(loud(60));
  assert.equal(pull(buffer, 80).heard, 60);
  buffer.add(loud(30));
  assert.equal(pull(buffer, 20).heard, 0);
  buffer.add(loud(30));
  assert.equal(pull(buffer, 20).heard, 20);
  assert.equal(buffer.underruns, 1);
});

test('a cut is silence within 5 ms, without a click, and tells how much was heard', () => {
  const buffer = new PlaybackBuffer(RATE, 0.06);
  buffer.begin('a');
  buffer.add(loud(500));
  pull(buffer, 100);
  assert.deepEqual(buffer.cut(), { itemId: 'a', samples: 100 });
  const { output, heard } = pull(buffer, 100);
  assert.ok(heard <= 5, `${heard} ms`);
  assert.ok(output.slice(0, 5).every((sample, at) => at === 0 || sample < output[at - 1]));
  assert.equal(pull(buffer, 100).heard, 0);
  assert.equal(buffer.current, null);
});

test('what is cut before it was heard makes no sound', () => {
  const buffer = new PlaybackBuffer(RATE, 0.06);
  buffer.begin('a');
  buffer.add(loud(30));
  assert.deepEqual(buffer.cut(), { itemId: 'a', samples: 0 });
  assert.equal(pull(buffer, 50).heard, 0);
  assert.equal(buffer.cut(), null);
});

test('sound of an answer that was cut comes too late', () => {
  const buffer = new PlaybackBuffer(RATE, 0.06);
  buffer.begin('a');
  buffer.add(loud(100));
  buffer.cut();
  buffer.add(loud(100));
  assert.equal(pull(buffer, 50).heard, 0);
});

test('answers follow each other', () => {
  const buffer = new PlaybackBuffer(RATE, 0.06);
  for (const id of ['a', 'b']) {
    buffer.begin(id);
    buffer.add(loud(100));
    buffer.end();
  }
  assert.deepEqual(pull(buffer, 150).done, [{ itemId: 'a', samples: 100 }]);
  assert.deepEqual(buffer.current, { itemId: 'b', samples: 50 });
  assert.deepEqual(pull(buffer, 150).done, [{ itemId: 'b', samples: 100 }]);
});
