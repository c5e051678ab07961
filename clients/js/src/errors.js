/**
 * What goes wrong, each with a stable `code`. No error holds what was said, a full id, a ticket or a credential.
 */

/** The root: `code` is stable and machine-readable, `message` is a sentence for people. */
export class SottovoceError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The server answered a call with an error (RFC 9457); its codes are in docs/reference/errors.md. */
export class ServerRefused extends SottovoceError {
  /**
   * @param {number} status HTTP status
   * @param {string} code
   * @param {string} message
   * @param {number | null} retryAfterS seconds after which trying again may help
   */
  constructor(status, code, message, retryAfterS) {
    super(code, message);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** No server answers there: `server_unreachable`. */
export class ServerUnreachable extends SottovoceError {
  /** @param {string} message */
  constructor(message) {
    super('server_unreachable', message);
  }
}

/** The stream is not open: `stream_closed`. `closeCode` says why, see docs/reference/errors.md. */
export class StreamClosed extends SottovoceError {
  /** @param {number} closeCode */
  constructor(closeCode) {
    super('stream_closed', `The stream is closed (${closeCode})`);
    this.closeCode = closeCode;
  }
}

/** There is no microphone to be had: `microphone_refused`, `_missing`, `_busy` or `_insecure`. */
export class MicrophoneUnavailable extends SottovoceError {}
