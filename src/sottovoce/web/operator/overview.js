/** What `/operator/data` says: see src/sottovoce/live/overview.py. */

/**
 * @typedef {object} Percentiles
 * @property {number} count
 * @property {number} window_seconds
 * @property {number | null} p50_ms
 * @property {number | null} p95_ms
 * @property {number | null} p99_ms
 */

/**
 * @typedef {object} Engine
 * @property {string} role
 * @property {string} name
 * @property {boolean} ready
 * @property {number} workers
 * @property {number} restarts
 * @property {number} waiting
 * @property {Link[]} links
 */

/**
 * @typedef {object} Link
 * @property {string} name
 * @property {boolean} ready
 * @property {'closed' | 'half_open' | 'open'} breaker
 * @property {number} served
 * @property {number} failures
 * @property {number} workers
 * @property {number} restarts
 * @property {number} waiting
 */

/**
 * @typedef {object} Row
 * @property {string} id
 * @property {string} status
 * @property {string} turn
 * @property {number} age_seconds
 * @property {number} messages
 * @property {number} tasks
 * @property {string} device_type
 */

/** @typedef {Record<string, number>} Counts */

/**
 * @typedef {object} Overview
 * @property {string} version
 * @property {number} uptime_seconds
 * @property {{ live: number, by_status: Counts, by_turn: Counts, opened: number, refused: Counts, ended: Counts }} sessions
 * @property {{ live: number, maximum: number, room: number }} admission
 * @property {Record<'sessions' | 'turns' | 'answers' | 'frames', number | null>} rates
 * @property {{ answer: Percentiles, transcription: Percentiles }} latency
 * @property {Engine[]} engines
 * @property {{ pending: Counts, ended: Counts }} tasks
 * @property {{ streams: Counts, interruptions: number, bad_messages: Counts }} drops
 * @property {{ loop_lag_ms: number, memory_bytes: number | null, cpu_percent: number | null }} process
 * @property {Row[]} newest
 */

/** What there is to say to whoever looks when the server answers, but not with an overview. */
export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const PATIENCE_MS = 5000;

/**
 * The overview as of now. Throws Refused, and whatever `fetch` throws where there is no answer.
 *
 * @returns {Promise<Overview>}
 */
export async function ask() {
  const answer = await fetch('operator/data', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
  const body = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, body.detail);
  return body;
}
