import assert from 'node:assert/strict';
import test from 'node:test';

import { Resampler } from '../src/resampler.js';

/**
 * @param {number} hz
 * @param {number} rate
 * @param {number} seconds
 */
const tone = (hz, rate, seconds) =>
  Float32Array.from({ length: rate * seconds }, (_, at) => Math.sin((2 * Math.PI * hz * at) / rate));

/** @param {Float32Array} samples */
const rms = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

/**
 * In pieces as an AudioWorklet gets them.
 *
 * @param {Float32Array} input
 * @param {number} from
 * @param {number} to
 */
function resampled(input, from, to) {
  const resampler = new Resampler(from, to);
  const pieces = [];
  for (let at = 0; at < input.length; at += 128) pieces.push(...resampler.process(input.subarray(at, at + 128)));
  return Float32Array.from(pieces);
}

for (const [from, to] of [
  [48_000, 16_000],
  [44_100, 16_000],
  [96_000, 16_000],
  [16_000, 48_000],
  [16_000, 44_100],
]) {
  test(`${from} Hz becomes ${to} Hz: what both can hold stays, in time and as loud`, () => {
    const output = resampled(tone(440, from, 1), from, to);
    assert.ok(Math.abs(output.length - to) < to * 0.005, `${output.length} samples`);
    const wanted = tone(440, to, 1);
    const middle = output.subarray(1_000, 8_000);
    const delay = [...Array(80).keys()].find((shift) => closeness(middle, wanted.subarray(1_000 - shift)) < 0.01);
    assert.notEqual(delay, undefined, 'it is the same tone');
  });

  test(`${from} Hz becomes ${to} Hz: what the lower rate cannot hold is gone`, () => {
    const limit = Math.min(from, to) / 2;
    const output = resampled(tone(from > to ? limit * 1.2 : limit * 0.5, from, 0.5), from, to);
    const level = 20 * Math.log10(rms(output.subarray(1_000)) / Math.SQRT1_2);
    if (from > to) assert.ok(level < -60, `${level.toFixed(1)} dB`);
    else assert.ok(Math.abs(level) < 0.5, `${level.toFixed(2)} dB`);
  });
}

test('in pieces of any size it is the same sound', () => {
  const input = tone(1_000, 48_000, 0.25);
  const whole = new Resampler(48_000, 16_000).process(input);
  assert.deepEqual(resampled(input, 48_000, 16_000), Float32Array.from(whole));
});

test('a rate that would need a filter without end is refused', () => {
  assert.throws(() => new Resampler(96_001, 16_000), RangeError);
});

/**
 * @param {Float32Array} one
 * @param {Float32Array} other
 */
function closeness(one, other) {
  return rms(one.map((sample, at) => sample - other[at]));
}
