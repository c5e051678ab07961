/** Runs in the audio thread: plays answers, and tells how far they are. */

import { PlaybackBuffer } from './playback-buffer.js';
import { Resampler } from './resampler.js';

const RATE = 16_000;
const AHEAD_S = 0.06;
const REPORT_EVERY_S = 0.1;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this._buffer = new PlaybackBuffer(sampleRate, AHEAD_S);
    this._resampler = new Resampler(RATE, sampleRate);
    this._audible = false;
    this._reportAt = 0;
    this.port.onmessage = ({ data }) => this._receive(data);
  }

  /** @param {{ say: 'begin' | 'add' | 'end' | 'cut', itemId: string, pcm: Int16Array }} message */
  _receive(message) {
    if (message.say === 'begin') {
      this._resampler = new Resampler(RATE, sampleRate);
      this._buffer.begin(message.itemId);
    } else if (message.say === 'add') {
      this._buffer.add(this._resampler.process(Float32Array.from(message.pcm, (sample) => sample / 32_768)));
    } else if (message.say === 'end') {
      this._buffer.end();
    } else {
      this._tell('cut', this._buffer.cut());
      this._audible = false;
    }
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   * @returns {boolean}
   */
  process(_inputs, outputs) {
    const [output] = outputs;
    const done = this._buffer.pull(output[0]);
    for (const channel of output.slice(1)) channel.set(output[0]);
    for (const played of done) this._tell('done', played);
    if (this._buffer.audible && !this._audible) this._tell('begun', this._buffer.current);
    else if (this._buffer.audible && currentTime >= this._reportAt) this._tell('at', this._buffer.current);
    this._audible = this._buffer.audible;
    return true;
  }

  /**
   * @param {'begun' | 'at' | 'done' | 'cut'} say
   * @param {import('./playback-buffer.js').Played | null} played
   */
  _tell(say, played) {
    if (played === null) return;
    this._reportAt = currentTime + REPORT_EVERY_S;
    this.port.postMessage({
      say,
      itemId: played.itemId,
      playedMs: (played.samples / sampleRate) * 1000,
      at: currentTime,
      underruns: this._buffer.underruns,
    });
  }
}

registerProcessor('sottovoce-playback', Playback);
