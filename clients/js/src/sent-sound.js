/** Samples in a millisecond of the sound that goes to the server. */
export const SAMPLES_PER_MS = 16;
const KEPT_SAMPLES = 90_000 * SAMPLES_PER_MS; // a turn has at most 60 s, and is acknowledged once transcribed

/** The sound of a session: what is to be sent, and what was sent and is not safe yet; and what was said meanwhile. */
export class SentSound {
  constructor() {
    /** Given so far. */
    this.samples = 0;
    /** @type {{ begin: number, pcm: Int16Array }[]} */
    this._pieces = [];
    /** How many of the pieces were sent. */
    this._sent = 0;
    /** Messages that wait for their place in the sound. @type {{ at: number, text: string }[]} */
    this._texts = [];
  }

  /** @param {string} text a message that belongs behind the sound given so far */
  addText(text) {
    this._texts.push({ at: this.samples, text });
  }

  /** @param {Int16Array} pcm */
  add(pcm) {
    this._pieces.push({ begin: this.samples, pcm });
    this.samples += pcm.length;
    while (this._pieces[0].begin < this.samples - KEPT_SAMPLES) this._shift();
  }

  /** @param {number} untilMs everything before is safe */
  forget(untilMs) {
    const until = untilMs * SAMPLES_PER_MS;
    while (this._pieces.length > 0 && this._pieces[0].begin + this._pieces[0].pcm.length <= until) this._shift();
    const first = this._pieces[0];
    if (first !== undefined && first.begin < until) {
      first.pcm = first.pcm.subarray(until - first.begin);
      first.begin = until;
    }
  }

  forgetAll() {
    this._pieces = [];
    this._sent = 0;
    this._texts = [];
  }

  /** What is not safe yet is to be sent again. */
  rewind() {
    this._sent = 0;
  }

  /**
   * What is to be sent next, sound and messages in the order they were given.
   *
   * @param {number} [most] samples
   * @returns {(Int16Array | string)[]}
   */
  take(most = Infinity) {
    /** @type {(Int16Array | string)[]} */
    const taken = [];
    for (let room = most; room > 0 && this._sent < this._pieces.length; this._sent++) {
      const { begin, pcm } = this._pieces[this._sent];
      taken.push(...this._textsTo(begin), pcm);
      room -= pcm.length;
    }
    if (this._sent === this._pieces.length) taken.push(...this._textsTo(Infinity));
    return taken;
  }

  /**
   * @private
   * @param {number} at
   */
  _textsTo(at) {
    const later = this._texts.findIndex((each) => each.at > at);
    return this._texts.splice(0, later < 0 ? this._texts.length : later).map(({ text }) => text);
  }

  /** @private */
  _shift() {
    this._pieces.shift();
    this._sent = Math.max(0, this._sent - 1);
  }
}
