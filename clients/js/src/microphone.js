import { MicrophoneUnavailable } from './errors.js';

const WANTED = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** @type {Record<string, [code: string, message: string]>} by the name of the browser's error */
const REASONS = {
  NotAllowedError: [
    'microphone_refused',
    'The browser does not let this page use the microphone. Allow it beside the address, then try again',
  ],
  NotFoundError: ['microphone_missing', 'There is no microphone. Plug one in, then try again'],
  OverconstrainedError: ['microphone_missing', 'That microphone is gone. Choose another one'],
  NotReadableError: ['microphone_busy', 'Another program uses the microphone. Close it, then try again'],
};

/**
 * @typedef {object} Piece
 * @property {Int16Array} pcm 20 ms, 16 kHz, mono
 * @property {number} level root mean square, 0 to 1
 * @property {number} capturedAt the audio context's time, in seconds, at its end
 */

/** The microphone, through an AudioWorklet. */
export class Microphone {
  /**
   * @param {AudioContext} context
   * @param {(piece: Piece) => void} take called 50 times a second while it is open
   * @param {() => void} gone called when the device was unplugged, or taken away by the browser
   */
  constructor(context, take, gone) {
    this._context = context;
    this._take = take;
    this._gone = gone;
    this._muted = false;
    /** @type {MediaStream | null} */
    this._stream = null;
    /** @type {AudioNode[]} */
    this._nodes = [];
    /** Counts what makes an opening that is under way void. */ this._openings = 0;
  }

  /** Whether a device is heard. */
  get opened() {
    return this._stream !== null;
  }

  /** The device that is heard, '' if none is. */
  get deviceId() {
    return this._stream?.getAudioTracks()[0]?.getSettings().deviceId ?? '';
  }

  /**
   * Asks the user, the first time. Changes the device if one is open: if the new one cannot be had, the old one stays.
   * If it is closed, or opened anew, before the user has answered, nothing is opened by this.
   *
   * @param {string} [deviceId] the browser's choice, if not given
   * @throws {MicrophoneUnavailable}
   */
  async open(deviceId) {
    const opening = ++this._openings;
    const stream = await getStream(deviceId);
    try {
      if (opening === this._openings) {
        await this._context.audioWorklet.addModule(new URL('./capture-worklet.js', import.meta.url));
      }
    } catch (error) {
      stop(stream);
      throw error;
    }
    if (opening !== this._openings) return stop(stream);
    this._release();
    const source = this._context.createMediaStreamSource(stream);
    const capture = new AudioWorkletNode(this._context, 'sottovoce-capture', {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: 'explicit',
    });
    capture.port.onmessage = ({ data }) => this._take(data);
    source.connect(capture);
    this._stream = stream;
    this._nodes = [source, capture];
    this.muted = this._muted;
    stream.getAudioTracks()[0].onended = () => {
      this.close();
      this._gone();
    };
  }

  /** Whether silence is sent instead of what is said: turns still come to their end. */
  get muted() {
    return this._muted;
  }

  set muted(muted) {
    this._muted = muted;
    for (const track of this._stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  close() {
    this._openings++;
    this._release();
  }

  /** @private */
  _release() {
    for (const node of this._nodes) node.disconnect();
    if (this._stream !== null) stop(this._stream);
    this._nodes = [];
    this._stream = null;
  }
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}

/**
 * @param {string | undefined} deviceId
 * @returns {Promise<MediaStream>}
 */
async function getStream(deviceId) {
  if (!navigator.mediaDevices) {
    throw new MicrophoneUnavailable(
      'microphone_insecure',
      'Browsers give the microphone to pages over https, or of this machine (http://127.0.0.1), only',
    );
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: deviceId ? { ...WANTED, deviceId: { exact: deviceId } } : WANTED,
    });
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    const [code, message] = REASONS[name] ?? ['microphone_missing', 'The microphone cannot be used'];
    throw new MicrophoneUnavailable(code, message);
  }
}

/**
 * The microphones there are. Their names are empty until the user has allowed one.
 *
 * @returns {Promise<{ id: string, name: string }[]>}
 */
export async function microphones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({ kind }) => kind === 'audioinput').map(({ deviceId, label }) => ({ id: deviceId, name: label }));
}
