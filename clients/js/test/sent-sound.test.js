import assert from 'node:assert/strict';
import test from 'node:test';

import { SentSound } from '../src/sent-sound.js';

/** @param {number} first @param {number} count */
const samples = (first, count) => Int16Array.from({ length: count }, (_, at) => first + at);

/** @param {(Int16Array | string)[]} pieces */
const joined = (pieces) => pieces.flatMap((piece) => [.../** @type {Int16Array} */ (piece)]);

test('each sample is sent once', () => {
  const sound = new SentSound();
  sound.add(samples(0, 32));
  assert.deepEqual(joined(sound.take()), [...samples(0, 32)]);
  sound.add(samples(32, 32));
  assert.deepEqual(joined(sound.take()), [...samples(32, 32)]);
  assert.deepEqual(sound.take(), []);
});

test('after a break, what was not safe is sent again, from the very sample', () => {
  const sound = new SentSound();
  for (let piece = 0; piece < 5; piece++) sound.add(samples(piece * 32, 32));
  sound.take();
  sound.forget(3);
  sound.add(samples(160, 32));
  sound.rewind();
  assert.deepEqual(joined(sound.take()), [...samples(48, 144)]);
  assert.equal(sound.samples, 192);
});

test('it can be taken bit by bit while more comes', () => {
  const sound = new SentSound();
  sound.add(samples(0, 32));
  sound.add(samples(32, 32));
  assert.deepEqual(joined(sound.take(20)), [...samples(0, 32)]);
  sound.forget(1);
  sound.add(samples(64, 32));
  assert.deepEqual(joined(sound.take(64)), [...samples(32, 64)]);
});

test('what was not acknowledged for a minute and a half is let go', () => {
  const sound = new SentSound();
  for (let second = 0; second < 100; second++) sound.add(new Int16Array(16_000));
  sound.rewind();
  assert.ok(joined(sound.take()).length <= 90 * 16_000 + 16_000);
});

test('a message that waits keeps its place among the sound, and goes once', () => {
  const sound = new SentSound();
  sound.add(samples(0, 32));
  sound.take();
  sound.addText('hold');
  sound.add(samples(32, 32));
  sound.addText('release');
  sound.add(samples(64, 32));
  sound.rewind();
  assert.deepEqual(sound.take(), [samples(0, 32), 'hold', samples(32, 32), 'release', samples(64, 32)]);
  sound.addText('type');
  assert.deepEqual(sound.take(), ['type']);
  sound.rewind();
  assert.ok(sound.take().every((each) => typeof each !== 'string'));
});
