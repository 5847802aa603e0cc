/** The close codes that this client itself closes with. A browser may only use 1000 and 3000 to 4999. */
export const CLOSE = Object.freeze({
  LEFT: 1000,
  AWAY: 3001, // will be back: of no range that means something else to the server
  VIOLATION: 4505,
});

/**
 * What a client does when its connection has ended. done: it is over, as wished. resume: reconnect and resume the session.
 * join: reconnect and join anew, the session is gone. stop: stay away, and show why.
 * @typedef {"done" | "resume" | "join" | "stop"} Action
 */

/**
 * @param {number} code of a WebSocket close; of one that is not known the range says it
 * @returns {Action}
 */
export function actionOf(code) {
  if (code === 1000) return "done";
  if (code === 1013 || (code >= 4100 && code < 4200)) return "join";
  if (code === 1002 || code === 1003 || (code >= 1007 && code <= 1009) || code >= 4500) return "stop";
  return "resume";
}

/** @type {Readonly<Record<string, number>>} */
const CLOSES = Object.freeze({
  unauthorized: 4500,
  "token-expired": 4102,
  "unsupported-version": 4506,
  internal: 1011,
});

/**
 * @param {string} code of an error message
 * @returns {number | undefined} the close code that follows it; undefined where the connection stays
 */
export function closeOf(code) {
  return Object.hasOwn(CLOSES, code) ? CLOSES[code] : undefined;
}

/**
 * Why something was refused or has ended. `code` is one of the server's error codes, or one of the client's own: closed
 * (`closeCode` says how), unreachable, no-token, protocol (the server broke it), ended, not-joined, too-many-waiting.
 */
export class ParleyError extends Error {
  /**
   * @param {string} code
   * @param {string} message for a person
   * @param {{closeCode?: number, retryAfter?: number, cause?: unknown}} [more] retryAfter in seconds
   */
  constructor(code, message, { closeCode, retryAfter, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ParleyError";
    this.code = code;
    this.closeCode = closeCode;
    this.retryAfter = retryAfter;
  }
}

/**
 * @param {string} what
 * @returns {ParleyError}
 */
export function violation(what) {
  return new ParleyError("protocol", `the server broke the protocol: ${what}`);
}
