import { Emitter } from './emitter.js';

/**
 * @typedef {import('./events.js').TaskView} TaskView
 * @typedef {import('./rest.js').Rest} Rest
 */

/**
 * @typedef {object} SessionInfo
 * @property {string} id
 * @property {string} namespace_id
 * @property {string} status created, active, suspended, closed, error
 * @property {string} created_at RFC 3339, UTC
 * @property {string} expires_at
 * @property {number} message_count
 * @property {number} pending_tasks
 * @property {'idle' | 'listening' | 'thinking' | 'speaking'} turn
 */

/**
 * What REST tells of a session, and does with its tasks.
 *
 * @template {object} M
 * @extends {Emitter<M>}
 */
export class SessionCalls extends Emitter {
  /**
   * @param {Rest} rest
   * @param {string} id
   */
  constructor(rest, id) {
    super();
    this.id = id;
    this._rest = rest;
  }

  /** @returns {Promise<SessionInfo>} */
  info() {
    return this._rest.call('GET', `/sessions/${this.id}`);
  }

  /** @returns {Promise<Record<string, any>>} counts and times */
  stats() {
    return this._rest.call('GET', `/sessions/${this.id}/stats`);
  }

  /**
   * @param {string} [state] only those in this state
   * @returns {Promise<TaskView[]>} oldest first
   */
  tasks(state) {
    return this._rest.call('GET', `/sessions/${this.id}/tasks${state === undefined ? '' : `?state=${state}`}`);
  }

  /**
   * Start a task without a word said.
   *
   * @param {string} type
   * @param {Record<string, unknown>} args
   * @returns {Promise<TaskView>}
   */
  startTask(type, args) {
    return this._rest.call('POST', `/sessions/${this.id}/tasks`, { body: { type, arguments: args } });
  }

  /**
   * @param {string} taskId
   * @returns {Promise<TaskView>}
   */
  task(taskId) {
    return this._rest.call('GET', `/tasks/${taskId}`);
  }

  /**
   * Stop it.
   *
   * @param {string} taskId
   * @returns {Promise<TaskView>}
   */
  cancelTask(taskId) {
    return this._rest.call('POST', `/tasks/${taskId}/cancel`);
  }

  /**
   * Answer what it asks: true (confirm), false (refuse) or a value.
   *
   * @param {string} taskId
   * @param {boolean | number | string} value
   * @returns {Promise<TaskView>}
   */
  answerTask(taskId, value) {
    return this._rest.call('POST', `/tasks/${taskId}/input`, { body: { value } });
  }

  /**
   * What it made.
   *
   * @param {string} taskId
   * @returns {Promise<any>}
   */
  async result(taskId) {
    return (await this._rest.call('GET', `/tasks/${taskId}/result`)).result;
  }

  /**
   * The same, sealed to the namespace's key: what may be kept, see `VoiceClient.openResult`. Null without keys.
   *
   * @param {string} taskId
   * @returns {Promise<string | null>}
   */
  async sealedResult(taskId) {
    return (await this._rest.call('GET', `/tasks/${taskId}/result`)).sealed;
  }
}
