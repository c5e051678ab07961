/**
 * @typedef {object} Heard how far an answer is
 * @property {'begun' | 'at' | 'done' | 'cut'} say
 * @property {string} itemId
 * @property {number} playedMs
 * @property {number} at the audio context's time, in seconds
 * @property {number} underruns so far, how often the network was too slow
 */

/** Plays answers, through an AudioWorklet with a jitter buffer. */
export class Speaker {
  /**
   * @param {AudioContext} context
   * @param {(heard: Heard) => void} heard called when an answer begins, ten times a second, and at its end
   */
  constructor(context, heard) {
    this._context = context;
    this._heard = heard;
    /** @type {AudioWorkletNode | null} */
    this._node = null;
    this._itemId = '';
  }

  async open() {
    await this._context.audioWorklet.addModule(new URL('./playback-worklet.js', import.meta.url));
    this._node = new AudioWorkletNode(this._context, 'sottovoce-playback', {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this._node.port.onmessage = ({ data }) => this._heard(data);
    this._node.connect(this._context.destination);
  }

  close() {
    this._node?.disconnect();
    this._node = null;
  }

  /** @param {import('./events.js').ServerEvent} event */
  receive(event) {
    if (event.type === 'response.output_item.added') this._itemId = event.item.id;
    else if (event.type === 'output_audio_buffer.started') this._say('begin', { itemId: this._itemId });
    else if (event.type === 'response.output_audio.done') this._say('end');
    else if (event.type === 'output_audio_buffer.cleared') this.cut();
  }

  /** @param {Int16Array} pcm the next sound of the answer that began last */
  add(pcm) {
    this._say('add', { pcm });
  }

  /** Silence, at once. */
  cut() {
    this._say('cut');
  }

  /**
   * @private
   * @param {string} say
   * @param {object} [what]
   */
  _say(say, what = {}) {
    this._node?.port.postMessage({ say, ...what });
  }
}
