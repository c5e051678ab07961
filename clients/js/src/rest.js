import { ServerRefused, ServerUnreachable, SottovoceError } from './errors.js';
import { proof } from './proof.js';

/** Of a bearer token (RFC 6750, 2.1): what else a header may hold is none. */
const TOKEN = /^[\w.~+/-]+=*$/;
const REFUSALS = new Set(['credential_required', 'credential_invalid']);

/**
 * @typedef {object} Refusal why a call was not let in
 * @property {string} code `credential_required` (none was sent) or `credential_invalid` (wrong, expired or withdrawn)
 * @property {string | undefined} credential what was sent
 */

/**
 * An API key or a JWT, or what gives one before each call. That is asked once more if the server refuses what it gave,
 * and told why: what it gives then is tried instead, and nothing (`undefined`) leaves it at the refusal.
 *
 * @typedef {string | ((refusal?: Refusal) => string | undefined | Promise<string | undefined>)} Credential
 */

/** The REST half of a server. */
export class Rest {
  // Private in earnest: consoles and crash reports show the rest of an object.
  /** @type {Credential | undefined} */ #credential;

  /**
   * @param {string} baseUrl where the server is, with its path if it has one
   * @param {import('./keys.js').NamespaceKeys} [keys] what calls are signed with
   * @param {Credential} [credential] what calls are let in with
   */
  constructor(baseUrl, keys, credential) {
    this._keys = keys;
    this.#credential = credential;
    this.baseUrl = baseUrl.replace(/\/+$/, '');
  }

  /**
   * @param {'GET' | 'POST' | 'DELETE'} method
   * @param {string} path below /api/v1
   * @param {{ body?: unknown, keepalive?: boolean }} [options] keepalive: let it finish though the page goes
   * @returns {Promise<any>} the answer
   * @throws {ServerRefused | ServerUnreachable}
   */
  async call(method, path, options = {}) {
    const given = this.#credential;
    if (typeof given !== 'function') return this._call(method, path, options, given);
    const credential = await given();
    try {
      return await this._call(method, path, options, credential);
    } catch (error) {
      if (!(error instanceof ServerRefused && REFUSALS.has(error.code))) throw error;
      const another = await given({ code: error.code, credential });
      if (another === undefined) throw error;
      return this._call(method, path, options, another);
    }
  }

  /**
   * @private
   * @param {'GET' | 'POST' | 'DELETE'} method
   * @param {string} path
   * @param {{ body?: unknown, keepalive?: boolean }} options
   * @param {string | undefined} credential
   */
  async _call(method, path, { body, keepalive = false }, credential) {
    const url = `${this.baseUrl}/api/v1${path}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(text !== undefined && { 'Content-Type': 'application/json' }),
      ...(credential !== undefined && { Authorization: `Bearer ${token(credential)}` }),
      ...(this._keys && (await proof(this._keys, method, url, text ?? ''))),
    };
    let response;
    try {
      response = await fetch(url, { method, keepalive, headers, body: text, credentials: 'same-origin' });
    } catch {
      throw new ServerUnreachable(`No server answers at ${this.baseUrl}. Is it running?`);
    }
    const answer = await response.json().catch(() => null);
    if (response.ok && answer !== null) return answer;
    const retryAfter = Number(response.headers.get('Retry-After'));
    throw new ServerRefused(
      response.status,
      answer?.code ?? 'http_error',
      answer?.detail ?? `${this.baseUrl} answers, but not as Sottovoce does (${response.status})`,
      retryAfter > 0 ? retryAfter : null,
    );
  }
}

/** @param {string} credential */
function token(credential) {
  if (TOKEN.test(credential)) return credential;
  throw new SottovoceError('credential_unusable', 'An API key or a JWT is of letters, digits and -._~+/= only');
}
