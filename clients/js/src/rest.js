import { ServerRefused, ServerUnreachable } from './errors.js';
import { proof } from './proof.js';

/** The REST half of a server. */
export class Rest {
  /**
   * @param {string} baseUrl where the server is, with its path if it has one
   * @param {import('./keys.js').NamespaceKeys} [keys] what calls are signed with
   */
  constructor(baseUrl, keys) {
    this._keys = keys;
    this.baseUrl = baseUrl.replace(/\/+$/, '');
  }

  /**
   * @param {'GET' | 'POST' | 'DELETE'} method
   * @param {string} path below /api/v1
   * @param {{ body?: unknown, keepalive?: boolean }} [options] keepalive: let it finish though the page goes
   * @returns {Promise<any>} the answer
   * @throws {ServerRefused | ServerUnreachable}
   */
  async call(method, path, { body, keepalive = false } = {}) {
    const url = `${this.baseUrl}/api/v1${path}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(text !== undefined && { 'Content-Type': 'application/json' }),
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
