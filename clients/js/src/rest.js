import { ServerRefused, ServerUnreachable } from './errors.js';

/** The REST half of a server. */
export class Rest {
  /**
   * @param {string} baseUrl where the server is, with its path if it has one
   */
  constructor(baseUrl) {
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
    /** @type {RequestInit} */
    const request = {
      method,
      keepalive,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
    };
    let response;
    try {
      response = await fetch(`${this.baseUrl}/api/v1${path}`, request);
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
