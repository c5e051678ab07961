import { Emitter } from './emitter.js';
import { Microphone } from './microphone.js';
import { SAMPLES_PER_MS } from './sent-sound.js';
import { Speaker } from './speaker.js';

const REPORT_EVERY_MS = 250;
/** Silence that ends a turn for sure, beyond what the settings ask for. */
const MORE_SILENCE_MS = 500;
const PIECE_MS = 100;
const SHORTEST_TURN_MS = 200; // a button that was only touched

/**
 * @typedef {import('./session.js').VoiceSession} VoiceSession
 * @typedef {import('./speaker.js').Heard} Heard
 */

/**
 * @typedef {object} Latency of one answer, in ms
 * @property {number} fromSpeechMs from the end of speech to the first sound of the answer as it leaves the loudspeaker
 * @property {number} fromTurnMs the same without the silence that ends a turn
 */

/**
 * @typedef {object} TalkEvents
 * @property {number} level loudness of the microphone, 0 to 1, 50 times a second
 * @property {Heard} heard
 * @property {Latency} latency
 * @property {void} microphonegone the device was unplugged
 */

/**
 * A session with a microphone and a loudspeaker: captures, plays, cuts, reports what was heard.
 *
 * @extends {Emitter<TalkEvents>}
 */
export class Talk extends Emitter {
  /**
   * Browsers play sound only after the user has done something: make this when a button is pressed.
   *
   * @param {VoiceSession} session
   * @param {AudioContext} [context]
   */
  constructor(session, context = new AudioContext({ latencyHint: 'interactive' })) {
    super();
    this.session = session;
    this.context = context;
    this.speaker = new Speaker(context, (heard) => this._heard(heard));
    this.microphone = new Microphone(
      context,
      (piece) => this._captured(piece),
      () => {
        this._endTurn();
        this.emit('microphonegone', undefined);
      },
    );
    this._reportedAt = 0;
    /** The newest sound sent: where it ends, and when that was captured. */
    this._captureEnd = { ms: 0, at: 0 };
    /** When the turn that is being answered ended, by the audio context's clock. @type {number | null} */
    this._turnEndedAt = null;
    /** Where the turn began that the button is held for, in ms of sound sent. @type {number | null} */
    this._heldFromMs = null;
    this._pushToTalk = false;
    this._stops = [
      session.on('event', (event) => this._told(event)),
      session.on('sound', (pcm) => this.speaker.add(pcm)),
      session.on('closed', () => this.close()),
    ];
  }

  /** Whether there is sound at all: to a page that is neither of this machine nor over https, browsers give none. */
  get canPlay() {
    return this.context.audioWorklet !== undefined;
  }

  /** Be ready to play. The microphone opens by `microphone.open()`, or stays closed where one only types. */
  async open() {
    await this.context.resume();
    if (this.canPlay) await this.speaker.open();
  }

  /**
   * Turns by a button that is held (`hold`, `release`) instead of by silence.
   *
   * @param {boolean} wanted
   */
  pushToTalk(wanted) {
    this._pushToTalk = wanted;
    this.session.update({ audio: { input: { turn_detection: wanted ? null : { type: 'server_vad' } } } });
  }

  /** Be silent: the answer is cut to what was heard of it. */
  silence() {
    this.speaker.cut();
    this.session.send({ type: 'output_audio_buffer.clear' });
  }

  /** The button is held: what is said from now on is a turn, and silences an answer. */
  hold() {
    this._heldFromMs = this.session.sentMs;
    this.silence();
    this.session.send({ type: 'input_audio_buffer.clear' });
  }

  /** The button is let go: the turn is over. */
  release() {
    if (this._heldFromMs === null) return;
    const saidMs = this.session.sentMs - this._heldFromMs;
    this._heldFromMs = null;
    if (saidMs >= SHORTEST_TURN_MS) this.session.commit();
    else this.session.send({ type: 'input_audio_buffer.clear' });
  }

  /** Let go of the devices. The session is not ended by this. */
  close() {
    for (const stop of this._stops) stop();
    this._stops = [];
    this.microphone.close();
    this.speaker.close();
    if (this.context.state !== 'closed') this.context.close();
  }

  /** No more sound comes: silence ends the turn that the user may be in, else nothing typed would be answered. @private */
  _endTurn() {
    const turns = this.session.settings.audio?.input?.turn_detection;
    if (!turns || this._pushToTalk) return;
    for (let ms = turns.silence_duration_ms + MORE_SILENCE_MS; ms > 0; ms -= PIECE_MS) {
      this.session.sendSound(new Int16Array(PIECE_MS * SAMPLES_PER_MS));
    }
  }

  /**
   * @private
   * @param {import('./microphone.js').Piece} piece
   */
  _captured({ pcm, level, capturedAt }) {
    this.emit('level', level);
    if (this._pushToTalk && this._heldFromMs === null) return;
    this.session.sendSound(pcm);
    this._captureEnd = { ms: this.session.sentMs, at: capturedAt };
  }

  /**
   * @private
   * @param {import('./events.js').ServerEvent} event
   */
  _told(event) {
    this.speaker.receive(event);
    if (event.type === 'input_audio_buffer.speech_stopped') {
      this._turnEndedAt = this._captureEnd.at - (this._captureEnd.ms - event.audio_end_ms) / 1000;
    } else if (event.type === 'input_audio_buffer.speech_started') {
      this._turnEndedAt = null;
    }
  }

  /**
   * @private
   * @param {Heard} heard
   */
  _heard(heard) {
    this.emit('heard', heard);
    if (heard.say === 'begun') this._measure(heard.at);
    const now = performance.now();
    if (heard.say !== 'at' || now - this._reportedAt >= REPORT_EVERY_MS) {
      this._reportedAt = now;
      this.session.reportPlayback(heard.itemId, heard.playedMs);
    }
  }

  /**
   * @private
   * @param {number} at
   */
  _measure(at) {
    if (this._turnEndedAt === null) return;
    const fromTurnMs = (at + (this.context.outputLatency || 0) - this._turnEndedAt) * 1000;
    const silenceMs = this.session.settings.audio?.input?.turn_detection?.silence_duration_ms ?? 0;
    this.emit('latency', { fromTurnMs, fromSpeechMs: fromTurnMs + silenceMs });
    this._turnEndedAt = null;
  }
}

