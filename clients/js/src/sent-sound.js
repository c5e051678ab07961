/** Samples in a millisecond of the sound that goes to the server. */
export const SAMPLES_PER_MS = 16;
const KEPT_SAMPLES = 90_000 * SAMPLES_PER_MS; // a turn has at most 60 s, and is acknowledged once transcribed

/** The sound that was sent and is not safe yet: sent again after a reconnect. */
export class SentSound {
  constructor() {
    /** Given so far. */
    this.samples = 0;
    /** @private @type {{ begin: number, pcm: Int16Array }[]} */
    this._pieces = [];
  }

  /** @param {Int16Array} pcm */
  add(pcm) {
    this._pieces.push({ begin: this.samples, pcm });
    this.samples += pcm.length;
    while (this._pieces[0].begin < this.samples - KEPT_SAMPLES) this._pieces.shift();
  }

  /** @param {number} untilMs everything before is safe */
  forget(untilMs) {
    const until = untilMs * SAMPLES_PER_MS;
    while (this._pieces.length > 0 && this._pieces[0].begin + this._pieces[0].pcm.length <= until) this._pieces.shift();
    const first = this._pieces[0];
    if (first !== undefined && first.begin < until) {
      first.pcm = first.pcm.subarray(until - first.begin);
      first.begin = until;
    }
  }

  forgetAll() {
    this._pieces = [];
  }

  /** @returns {Int16Array[]} what is not safe yet, in order */
  kept() {
    return this._pieces.map(({ pcm }) => pcm);
  }
}
