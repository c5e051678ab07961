const FADE_S = 0.005; // a cut without it clicks

/**
 * @typedef {object} Played how far an answer is
 * @property {string} itemId
 * @property {number} samples played of it, at the rate of what plays
 */

/**
 * What is to be played: waits until there is enough to bridge the network's hiccups, and can be cut at once.
 *
 * Answers come one after the other, `begin`, `add` any number of times, `end`, and are played in this order.
 */
export class PlaybackBuffer {
  /**
   * @param {number} rate samples a second
   * @param {number} aheadS so much is waited for before an answer begins, and after it has run dry
   */
  constructor(rate, aheadS) {
    this._ahead = Math.round(aheadS * rate);
    this._fade = Math.max(1, Math.round(FADE_S * rate));
    /** @type {{ itemId: string, pieces: Float32Array[], waiting: number, played: number, ended: boolean }[]} */
    this._answers = [];
    /** Samples of the answer that was cut, going down to silence. @type {Float32Array} */
    this._fading = new Float32Array(0);
    this._running = false;
    /** How often an answer ran dry. */
    this.underruns = 0;
  }

  /** The answer that is next to be heard, or is being heard. @returns {Played | null} */
  get current() {
    const answer = this._answers[0];
    return answer === undefined ? null : { itemId: answer.itemId, samples: answer.played };
  }

  /** Whether sound comes out. */
  get audible() {
    return this._running;
  }

  /** @param {string} itemId */
  begin(itemId) {
    this.end();
    this._answers.push({ itemId, pieces: [], waiting: 0, played: 0, ended: false });
  }

  /** @param {Float32Array} samples of the answer that was begun last */
  add(samples) {
    const answer = this._answers.at(-1);
    if (answer === undefined || answer.ended || samples.length === 0) return;
    answer.pieces.push(samples);
    answer.waiting += samples.length;
  }

  /** No more comes of the answer that was begun last. */
  end() {
    const answer = this._answers.at(-1);
    if (answer !== undefined) answer.ended = true;
  }

  /**
   * Drop everything.
   *
   * @returns {Played | null} how much was heard of the answer that was being heard
   */
  cut() {
    const current = this.current;
    const answer = this._answers[0];
    if (this._running && answer !== undefined) {
      const rest = new Float32Array(this._fade);
      const got = take(answer, rest);
      this._fading = rest.subarray(0, got).map((sample, at) => sample * (1 - at / got));
    }
    this._answers = [];
    this._running = false;
    return current;
  }

  /**
   * Fill `output`.
   *
   * @param {Float32Array} output
   * @returns {Played[]} the answers that were heard to their end in it
   */
  pull(output) {
    output.fill(0);
    let at = this._fadeInto(output);
    /** @type {Played[]} */
    const done = [];
    for (let answer = this._answers[0]; answer !== undefined && at < output.length; answer = this._answers[0]) {
      if (!this._running && !answer.ended && answer.waiting < this._ahead) return done;
      this._running = true;
      const got = take(answer, output.subarray(at));
      answer.played += got;
      at += got;
      if (answer.waiting > 0) continue;
      if (!answer.ended) {
        if (at < output.length) {
          this._running = false;
          this.underruns += 1;
        }
        return done;
      }
      done.push({ itemId: answer.itemId, samples: answer.played });
      this._answers.shift();
      this._running = false;
    }
    return done;
  }

  /** @param {Float32Array} output */
  _fadeInto(output) {
    const part = this._fading.subarray(0, output.length);
    output.set(part);
    this._fading = this._fading.subarray(part.length);
    return part.length;
  }
}

/**
 * Move samples out of an answer.
 *
 * @param {{ pieces: Float32Array[], waiting: number }} answer
 * @param {Float32Array} output
 * @returns {number} how many
 */
function take(answer, output) {
  let at = 0;
  while (at < output.length && answer.pieces.length > 0) {
    const piece = answer.pieces[0];
    const part = piece.subarray(0, output.length - at);
    output.set(part, at);
    at += part.length;
    if (part.length === piece.length) answer.pieces.shift();
    else answer.pieces[0] = piece.subarray(part.length);
  }
  answer.waiting -= at;
  return at;
}
