/** Runs in the audio thread: the microphone's samples as 20 ms pieces of 16 kHz, with their loudness. */

import { Resampler } from './resampler.js';

const RATE = 16_000;
const PIECE_SAMPLES = RATE / 50;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this._resampler = new Resampler(sampleRate, RATE);
    this._piece = new Int16Array(PIECE_SAMPLES);
    this._filled = 0;
    this._power = 0;
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean}
   */
  process(inputs) {
    const channel = inputs[0]?.[0];
    if (channel === undefined) return true; // not connected yet, or the device went
    for (const sample of this._resampler.process(channel)) {
      this._piece[this._filled++] = Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768)));
      this._power += sample * sample;
      if (this._filled === PIECE_SAMPLES) this._send();
    }
    return true;
  }

  _send() {
    const level = Math.sqrt(this._power / PIECE_SAMPLES);
    this.port.postMessage({ pcm: this._piece, level, capturedAt: currentTime }, [this._piece.buffer]);
    this._piece = new Int16Array(PIECE_SAMPLES);
    this._filled = 0;
    this._power = 0;
  }
}

registerProcessor('sottovoce-capture', Capture);
