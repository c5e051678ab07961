import { fromBase64url, hex, joined, sha256 } from './bytes.js';
import { ServerUnreachable, SottovoceError } from './errors.js';
import { Rest } from './rest.js';
import { SessionKey } from './session-key.js';
import { VoiceSession } from './session.js';
import { webSocketClass } from './web-socket.js';

export const VERSION = '0.1.0';

/**
 * @typedef {object} ClientOptions
 * @property {string} namespaceId 1 to 128 of `A-Z a-z 0-9 . _ : -`
 * @property {import('./keys.js').NamespaceKeys} [keys] its own: calls are signed, and what is sealed to it opens
 * @property {string} [keyHash] `sha256:` and 64 hex digits, the same for all of a namespace; made from its name if not given
 * @property {import('./rest.js').Credential} [credential] an API key or a JWT, where the server wants one; a function if it expires
 * @property {string} [deviceType] 1 to 32 of `a-z 0-9 _ -`
 * @property {string} [clientVersion]
 */

/**
 * One server, seen by one namespace.
 *
 * ```js
 * const client = new VoiceClient('http://127.0.0.1:8765', { namespaceId: 'alice' });
 * const session = await client.open();
 * session.on('response.output_audio_transcript.done', (event) => console.log(event.transcript));
 * session.sendText('what time is it');
 * ```
 */
export class VoiceClient {
  /**
   * @param {string} baseUrl
   * @param {ClientOptions} options
   */
  constructor(baseUrl, { namespaceId, keys, keyHash, credential, deviceType = 'web', clientVersion = VERSION }) {
    this._rest = new Rest(baseUrl, keys, credential);
    this._keys = keys;
    this._namespaceId = namespaceId;
    this._keyHash = keyHash;
    this._deviceType = deviceType;
    this._clientVersion = clientVersion;
  }

  /**
   * A new session with its stream connected.
   *
   * @returns {Promise<VoiceSession>}
   * @throws {import('./errors.js').ServerRefused | ServerUnreachable}
   */
  async open() {
    const WebSocket = await webSocketClass();
    const opened = await this._rest.call('POST', '/sessions', {
      body: {
        namespace_id: this._namespaceId,
        key_hash: this._keys?.keyHash ?? this._keyHash ?? (await fingerprintOf(this._namespaceId)),
        device_type: this._deviceType,
        client_version: this._clientVersion,
        ...(this._keys && { public_keys: this._keys.view }),
      },
    });
    const session = new VoiceSession(this._rest, opened.id, WebSocket);
    session.key = await this._sessionKey(opened.id, opened.session_key ?? {});
    await session._connect(opened.websocket_url);
    return session;
  }

  /**
   * @private
   * @param {string} id
   * @param {{ sealed?: string, plain?: string }} handedOver
   */
  async _sessionKey(id, { sealed, plain }) {
    if (!globalThis.crypto?.subtle) return null; // a page that is not secure opens nothing
    if (plain !== undefined) return SessionKey.of(id, fromBase64url(plain));
    if (sealed === undefined || this._keys === undefined) return null;
    return SessionKey.of(id, await this._keys.open('session_key', id, fromBase64url(sealed)));
  }

  /**
   * What a task made, out of `VoiceSession.sealedResult`: opens also when the session is over, wherever the keys are.
   *
   * @param {string} taskId
   * @param {string} sealed
   * @returns {Promise<any>}
   */
  async openResult(taskId, sealed) {
    if (this._keys === undefined) throw new SottovoceError('keys_missing', 'Only a client with keys opens results');
    return JSON.parse(new TextDecoder().decode(await this._keys.open('result', taskId, fromBase64url(sealed))));
  }

  /**
   * The live sessions of the namespace, newest first, at most 100.
   *
   * @returns {Promise<import('./session-calls.js').SessionInfo[]>}
   */
  async sessions() {
    const namespace = encodeURIComponent(this._namespaceId);
    return (await this._rest.call('GET', `/sessions?limit=100&namespace_id=${namespace}`)).sessions;
  }

  /**
   * Sentences to say, one for each skill.
   *
   * @param {string} language "en", "de"
   * @returns {Promise<{ skill: string, text: string }[]>}
   */
  examples(language) {
    return this._rest.call('GET', `/examples?language=${encodeURIComponent(language)}`);
  }
}

/**
 * A namespace shows the same fingerprint every time. One that is used without its keys has none: its name has to do.
 *
 * @param {string} namespaceId
 */
async function fingerprintOf(namespaceId) {
  if (!globalThis.crypto?.subtle) {
    throw new ServerUnreachable('A browser talks to the server over https, or on this machine (http://127.0.0.1) only');
  }
  return `sha256:${hex(await sha256(joined(`sottovoce namespace ${namespaceId}`)))}`;
}
