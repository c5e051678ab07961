import { SessionCalls } from './session-calls.js';
import { ServerRefused, ServerUnreachable, StreamClosed } from './errors.js';
import { SAMPLES_PER_MS, SentSound } from './sent-sound.js';
import { withoutTicket } from './web-socket.js';

/**
 * @typedef {import('./events.js').ServerEvent} ServerEvent
 * @typedef {import('./events.js').ClientEvent} ClientEvent
 * @typedef {import('./rest.js').Rest} Rest
 * @typedef {'connecting' | 'open' | 'reconnecting' | 'closed'} ConnectionStatus
 */

/**
 * @typedef {object} Closed how a session came to its end
 * @property {string} reason the server's word, or "connection_lost"
 * @property {number} code the WebSocket's close code
 * @property {Record<string, number> | null} usage counts of what there was; null if the server could not tell
 */

/**
 * What can be listened to: each server event by its type, and these.
 *
 * @typedef {import('./events.js').ServerEventMap & {
 *   event: ServerEvent,
 *   sound: Int16Array,
 *   connection: ConnectionStatus,
 *   closed: Closed,
 * }} SessionEvents
 */

const RECONNECT_FOR_MS = 30_000;
// The server takes 10 s of sound at once, and twice real time on average.
const CATCH_UP_AT_ONCE = 8_000 * SAMPLES_PER_MS;
const CATCH_UP_EVERY_MS = 100;
const CATCH_UP_EACH = 180 * SAMPLES_PER_MS;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;
const CONNECT_MS = 10_000;
const LAST_WORD_MS = 3_000;
const CLOSED_CLEANLY = 1000;
const NO_CODE = 1006;
const OPEN = 1; // WebSocket.readyState
/** Of a close code: the connection is gone, the session need not be. All others are the session's end, or our fault. */
const MAY_RESUME = new Set([1001, NO_CODE, 1012, 1013]);

/**
 * One session and its stream. Made by `VoiceClient.open()`.
 *
 * @extends {SessionCalls<SessionEvents>}
 */
export class VoiceSession extends SessionCalls {
  /**
   * @param {Rest} rest
   * @param {string} id
   * @param {typeof WebSocket} webSocketClass
   */
  constructor(rest, id, webSocketClass) {
    super(rest, id);
    /** @type {ConnectionStatus} */
    this.connection = 'connecting';
    /** The settings in force: the Realtime API's session object. @type {Record<string, any>} */
    this.settings = {};
    /** What records of the session are sealed under; null if the server handed none over. @type {import('./session-key.js').SessionKey | null} */
    this.key = null;
    this._webSocketClass = webSocketClass;
    /** @type {WebSocket | null} */ this._stream = null;
    this._sound = new SentSound();
    this._lastEventId = '';
    this._eventsSent = 0;
    /** @type {Record<string, number> | null} */ this._usage = null;
    this._reason = '';
    this._resuming = false;
    /** @type {ReturnType<typeof setTimeout> | null} */ this._catchingUp = null;
    this._ending = false;
  }

  /** Milliseconds of sound given to `sendSound` so far: the clock of the server's `…_ms` fields. */
  get sentMs() {
    return this._sound.samples / SAMPLES_PER_MS;
  }

  /** Whether the server has had all that was given before. */
  get _inStep() {
    return this.connection === 'open' && !this._resuming;
  }

  get _isOpen() {
    return this._stream?.readyState === OPEN;
  }

  // -- what is said to the server ------------------------------------------------------------------------------------

  /**
   * A piece of sound, 16 kHz, mono, best of 20 ms. While the connection is interrupted, it is kept for later.
   *
   * @param {Int16Array} pcm
   */
  sendSound(pcm) {
    if (this.connection === 'closed') return;
    this._sound.add(pcm);
    if (this._inStep) this._flush();
  }

  /**
   * While the connection is interrupted, it is kept for later, in its place among the sound.
   *
   * @param {ClientEvent} event
   * @returns {string} the id it is sent under: an `error` event names it
   * @throws {StreamClosed} the session is over
   */
  send(event) {
    if (this.connection === 'closed') throw new StreamClosed(NO_CODE);
    const eventId = `client_${++this._eventsSent}`;
    const text = JSON.stringify({ event_id: eventId, ...event });
    if (this._inStep && this._isOpen) this._stream?.send(text);
    else this._sound.addText(text);
    return eventId;
  }

  /**
   * Type something and ask for the answer. Whoever types interrupts, as whoever speaks does.
   *
   * @param {string} text
   */
  sendText(text) {
    this.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
    });
    this._ask();
  }

  /** Be silent and answer: while a response is in progress, another one is refused. */
  _ask() {
    this.send({ type: 'output_audio_buffer.clear' });
    this.send({ type: 'response.create' });
  }

  /**
   * Change settings: language, voice, turn detection.
   *
   * @param {import('./events.js').SessionChanges} changes
   */
  update(changes) {
    this.send({ type: 'session.update', session: changes });
  }

  /** With `turn_detection: null`: what was said since the last commit is a turn, and wants an answer. */
  commit() {
    this.send({ type: 'input_audio_buffer.commit' });
    this._ask();
  }

  /**
   * So much of an answer was heard: if it is interrupted, it is cut to that.
   *
   * @param {string} itemId
   * @param {number} audioMs
   */
  reportPlayback(itemId, audioMs) {
    if (this.connection === 'open') {
      this.send({ type: 'playback.position', item_id: itemId, audio_ms: Math.max(0, Math.floor(audioMs)) });
    }
  }

  // -- what the server says ------------------------------------------------------------------------------------------

  /**
   * Everything the server says from now on, until the session is over: events, and sound as Int16Array (16 kHz, mono).
   *
   * @returns {AsyncGenerator<ServerEvent | Int16Array, void>}
   */
  async *messages() {
    /** @type {(ServerEvent | Int16Array)[]} */
    const waiting = [];
    let wake = () => {};
    /** @param {ServerEvent | Int16Array} message */
    const take = (message) => {
      waiting.push(message);
      wake();
    };
    const stops = [this.on('event', take), this.on('sound', take), this.on('closed', () => wake())];
    try {
      while (true) {
        for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) yield message;
        if (this.connection === 'closed') return;
        await new Promise((resolve) => (wake = () => resolve(null)));
      }
    } finally {
      for (const stop of stops) stop();
    }
  }

  [Symbol.asyncIterator]() {
    return this.messages();
  }

  // -- its end --------------------------------------------------------------------------------------------------------

  /**
   * Close the session and forget all that was said in it. Harmless if it has ended already. If the server is out of
   * reach, it forgets by itself, since nobody comes back; `usage` is null then.
   *
   * @returns {Promise<Closed>}
   */
  async end() {
    if (this.connection === 'closed') return this._closed(CLOSED_CLEANLY);
    this._ending = true;
    const closed = this.next('closed');
    try {
      await this._rest.call('DELETE', `/sessions/${this.id}`);
    } catch (error) {
      if (error instanceof ServerUnreachable) this._finish(NO_CODE);
      else if (!(error instanceof ServerRefused && error.status === 404)) {
        this._ending = false;
        throw error;
      }
    }
    if (this._stream === null || this.connection === 'reconnecting') this._finish(CLOSED_CLEANLY);
    const late = setTimeout(() => this._finish(NO_CODE), LAST_WORD_MS);
    return closed.finally(() => clearTimeout(late));
  }

  /** The page goes: ask the server to close the session, and do not wait. It is over for this side at once. */
  leave() {
    this._ending = true;
    this._rest.call('DELETE', `/sessions/${this.id}`, { keepalive: true }).catch(() => {});
    this._finish(CLOSED_CLEANLY);
  }

  // -- the connection ------------------------------------------------------------------------------------------------

  /**
   * Connect, and wait until the server has said its first word.
   *
   * @param {string} websocketUrl
   * @param {string} [lastEventId] of the last event that came: those behind it are wanted
   * @returns {Promise<void>}
   */
  _connect(websocketUrl, lastEventId) {
    const { url, protocols } = withoutTicket(websocketUrl);
    if (lastEventId !== undefined) url.searchParams.set('last_event_id', lastEventId);
    return new Promise((resolve, reject) => {
      const stream = new this._webSocketClass(url, protocols);
      stream.binaryType = 'arraybuffer';
      let opened = false;
      const late = setTimeout(() => stream.close(), CONNECT_MS);
      stream.onmessage = ({ data }) => {
        this._receive(data);
        if (!opened && this.connection === 'open') {
          opened = true;
          clearTimeout(late);
          resolve();
        }
      };
      stream.onclose = ({ code }) => {
        clearTimeout(late);
        if (this._stream === stream) this._stream = null;
        if (opened) this._lost(code);
        else if (code === NO_CODE) reject(new ServerUnreachable('The server answers, but its stream does not open'));
        else reject(new StreamClosed(code));
      };
      stream.onerror = () => {}; // `onclose` follows, and knows more
      this._stream = stream;
    });
  }

  /**
   * @private
   * @param {string | ArrayBuffer} data
   */
  _receive(data) {
    if (typeof data !== 'string') {
      this.emit('sound', new Int16Array(data));
      return;
    }
    const event = /** @type {ServerEvent} */ (JSON.parse(data));
    this._lastEventId = event.event_id;
    if (event.type === 'session.created' || event.type === 'session.updated') this.settings = event.session;
    if (event.type === 'session.created') {
      this._resuming = this.connection === 'reconnecting';
      this._become('open');
    } else if (event.type === 'input_audio_buffer.acknowledged') {
      this._acknowledged(event.audio_end_ms);
    } else if (event.type === 'session.ended') {
      this._usage = event.usage;
      this._reason = event.reason;
    }
    this.emit('event', event);
    this.emit(event.type, /** @type {any} */ (event));
  }

  /**
   * @private
   * @param {number} audioEndMs
   */
  _acknowledged(audioEndMs) {
    this._sound.forget(audioEndMs);
    if (this._resuming && this._catchingUp === null) this._catchUp();
  }

  /** Send again what the server has not had: a good part at once, the rest faster than it was spoken. */
  _catchUp() {
    this._sound.rewind();
    let most = CATCH_UP_AT_ONCE;
    const step = () => {
      if (this._flush(most) > 0) {
        this._catchingUp = setTimeout(step, CATCH_UP_EVERY_MS);
        most = CATCH_UP_EACH;
      } else {
        this._catchingUp = null;
        this._resuming = false;
        this._flush();
      }
    };
    step();
  }

  /**
   * @private
   * @param {number} [most] samples
   * @returns {number} how many messages were sent
   */
  _flush(most) {
    // While the stream closes all of it waits: whether that is the end, or only a break, is known a moment later.
    const waiting = this._isOpen ? this._sound.take(most) : [];
    for (const each of waiting) this._stream?.send(/** @type {any} */ (each));
    return waiting.length;
  }

  /**
   * @private
   * @param {ConnectionStatus} status
   */
  _become(status) {
    this.connection = status;
    this.emit('connection', status);
  }

  /**
   * @private
   * @param {number} code
   */
  _lost(code) {
    if (this.connection === 'closed') return;
    if (this._catchingUp !== null) clearTimeout(this._catchingUp);
    this._catchingUp = null;
    if (this._ending || this._usage !== null || !MAY_RESUME.has(code)) {
      this._finish(code);
    } else {
      this._become('reconnecting');
      this._reconnect(code).catch(() => this._finish(code));
    }
  }

  /**
   * @private
   * @param {number} code
   */
  async _reconnect(code) {
    const until = Date.now() + RECONNECT_FOR_MS;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const { websocket_url: url } = await this._rest.call('POST', `/sessions/${this.id}/resume`);
        if (this._ending) return;
        await this._connect(url, this._lastEventId);
        return;
      } catch (error) {
        const hopeless = !(error instanceof ServerUnreachable) || Date.now() + pause > until;
        if (hopeless || this._ending) return this._finish(error instanceof StreamClosed ? error.closeCode : code);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (this._ending) return;
    }
  }

  /**
   * @private
   * @param {number} code
   */
  _finish(code) {
    if (this.connection === 'closed') return;
    const stream = this._stream;
    this._stream = null;
    if (stream !== null) {
      stream.onmessage = null; // what still comes is for nobody
      stream.close();
    }
    this._sound.forgetAll();
    this._become('closed');
    this.emit('closed', this._closed(code));
  }

  /**
   * @private
   * @param {number} code
   * @returns {Closed}
   */
  _closed(code) {
    return { reason: this._reason || (this._ending ? 'client_closed' : 'connection_lost'), code, usage: this._usage };
  }
}
