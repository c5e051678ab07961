import { ServerUnreachable } from './errors.js';
import { Rest } from './rest.js';
import { VoiceSession, webSocketClass } from './session.js';

export const VERSION = '0.1.0';

/**
 * @typedef {object} ClientOptions
 * @property {string} namespaceId 1 to 128 of `A-Z a-z 0-9 . _ : -`
 * @property {string} [keyHash] `sha256:` and 64 hex digits, the same for all of a namespace; made from its name if not given
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
  constructor(baseUrl, { namespaceId, keyHash, deviceType = 'web', clientVersion = VERSION }) {
    this._rest = new Rest(baseUrl);
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
        key_hash: this._keyHash ?? (await fingerprintOf(this._namespaceId)),
        device_type: this._deviceType,
        client_version: this._clientVersion,
      },
    });
    const session = new VoiceSession(this._rest, opened.id, WebSocket);
    await session._connect(opened.websocket_url);
    return session;
  }

  /**
   * The live sessions of the namespace, newest first, at most 100.
   *
   * @returns {Promise<import('./session.js').SessionInfo[]>}
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
 * A namespace shows the same fingerprint every time. While nothing is sealed there is no key yet: its name has to do.
 *
 * @param {string} namespaceId
 */
async function fingerprintOf(namespaceId) {
  if (!globalThis.crypto?.subtle) {
    throw new ServerUnreachable('A browser talks to the server over https, or on this machine (http://127.0.0.1) only');
  }
  const text = new TextEncoder().encode(`sottovoce namespace ${namespaceId}`);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text));
  return 'sha256:' + Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
