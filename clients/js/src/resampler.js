const ZERO_CROSSINGS = 16;
const PASSBAND = 0.92; // of the smaller half rate; the rest is where the filter falls off
const LONGEST_TABLE = 1 << 20;

/**
 * Changes the rate of a stream of samples: a polyphase filter, a windowed sinc (Smith, "Digital Audio Resampling", 2002)
 * whose every phase is computed beforehand. Delays by `ZERO_CROSSINGS` samples of the lower rate.
 *
 * AudioWorklets need code that runs at once and loads nothing, which is why this is no library's WebAssembly.
 */
export class Resampler {
  /**
   * @param {number} from samples a second that come
   * @param {number} to samples a second that go
   */
  constructor(from, to) {
    const common = greatestCommonDivisor(from, to);
    this._step = from / common;
    this._phases = to / common;
    const scale = Math.min(1, to / from);
    this._half = Math.ceil(ZERO_CROSSINGS / scale);
    if (this._phases * 2 * this._half > LONGEST_TABLE) throw new RangeError(`No way from ${from} Hz to ${to} Hz`);
    this._filters = Array.from({ length: this._phases }, (_, phase) =>
      makeFilter(this._half, phase / this._phases, scale),
    );
    this._phase = 0;
    /** Samples that later ones still need: the next one to be made is in their middle. */
    this._kept = new Float32Array(this._half - 1);
  }

  /**
   * @param {Float32Array} input
   * @returns {Float32Array} as many samples as can be made by now
   */
  process(input) {
    if (this._step === this._phases) return input;
    const { _half: half, _step: step, _phases: phases } = this;
    const samples = new Float32Array(this._kept.length + input.length);
    samples.set(this._kept);
    samples.set(input, this._kept.length);
    const output = new Float32Array(Math.ceil((samples.length * phases) / step) + 1);
    let made = 0;
    let at = 0;
    let phase = this._phase;
    for (; at + 2 * half <= samples.length; made++) {
      const filter = this._filters[phase];
      let sum = 0;
      for (let tap = 0; tap < 2 * half; tap++) sum += samples[at + tap] * filter[tap];
      output[made] = sum;
      phase += step;
      at += Math.floor(phase / phases);
      phase %= phases;
    }
    this._phase = phase;
    this._kept = samples.slice(at);
    return output.subarray(0, made);
  }
}

/**
 * @param {number} half taps to each side
 * @param {number} fraction by how much of a sample the output lies behind the tap `half - 1`
 * @param {number} scale 1, or to / from when the rate falls
 */
function makeFilter(half, fraction, scale) {
  const cutoff = scale * PASSBAND;
  const taps = Float32Array.from({ length: 2 * half }, (_, tap) => {
    const distance = tap - (half - 1) - fraction;
    const x = Math.PI * distance * cutoff;
    const sinc = x === 0 ? 1 : Math.sin(x) / x;
    const place = Math.PI * (distance / half);
    const blackman = Math.abs(distance) >= half ? 0 : 0.42 + 0.5 * Math.cos(place) + 0.08 * Math.cos(2 * place);
    return sinc * blackman;
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
