/** Records under a session's key: AES-256-GCM, in the format of docs/reference/sealing.md. */

import { joined } from './bytes.js';
import { SottovoceError } from './errors.js';

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

export const PURPOSES = { session_key: 1, task: 2, result: 3 };
const VERSION = 1;
const HEADER_BYTES = 14;
const LENGTH_BYTES = 4;

/** The key of one session: opens what was sealed under it. */
export class SessionKey {
  /**
   * @param {string} sessionId
   * @param {CryptoKey} key
   */
  constructor(sessionId, key) {
    this._sessionId = sessionId;
    this._key = key;
  }

  /**
   * @param {string} sessionId
   * @param {Bytes} secret 32 bytes
   */
  static async of(sessionId, secret) {
    return new SessionKey(sessionId, await crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['decrypt']));
  }

  /**
   * @param {keyof typeof PURPOSES} purpose
   * @param {Bytes} record
   * @returns {Promise<Bytes>}
   * @throws {SottovoceError} `not_sealed_for_this`
   */
  async open(purpose, record) {
    const header = record.slice(0, HEADER_BYTES);
    try {
      if (header[0] !== VERSION || header[1] !== PURPOSES[purpose]) throw new RangeError();
      const additionalData = joined('sottovoce record 1\0', this._sessionId, '\0', header);
      const algorithm = { name: 'AES-GCM', iv: header.slice(2), additionalData };
      const padded = new Uint8Array(await crypto.subtle.decrypt(algorithm, this._key, record.slice(HEADER_BYTES)));
      const length = new DataView(padded.buffer).getUint32(0);
      if (length > padded.length - LENGTH_BYTES) throw new RangeError();
      return padded.slice(LENGTH_BYTES, LENGTH_BYTES + length);
    } catch {
      throw new SottovoceError('not_sealed_for_this', 'This was changed, or sealed for something or somebody else');
    }
  }
}
