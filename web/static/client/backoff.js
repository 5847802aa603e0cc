const FIRST_WAIT = 500; // ms, the ceiling of the first wait
const GRACE_WAIT = 3000; // the ceiling while the session may still be resumed
const LONGEST_WAIT = 30_000; // the ceiling after that
const LONGEST_RETRY_AFTER = 3600; // seconds; what the server wants beyond this is not believed

/**
 * The wait before an attempt, with full jitter: anything from nothing to a step that doubles from attempt to attempt, so that
 * the clients of a server that was lost do not come back all at once.
 *
 * @param {number} attempt counted from 0
 * @param {number} first the highest first wait, in ms
 * @param {number} ceiling the highest wait at all, in ms
 * @param {() => number} random gives numbers in [0, 1)
 * @returns {number} ms
 */
export function backoff(attempt, first, ceiling, random) {
  return random() * Math.min(first * 2 ** Math.min(attempt, 30), ceiling);
}

/** The waits between attempts to connect. */
export class Waits {
  #random;
  #notBefore = 0;
  /** How many attempts there were since a connection last lasted. */
  attempts = 0;

  /** @param {() => number} random */
  constructor(random) {
    this.#random = random;
  }

  /** Whether an attempt may be made at once, out of turn. @param {number} now ms */
  mayHurry(now) {
    return now >= this.#notBefore;
  }

  /**
   * @param {number} now ms
   * @param {boolean} resumable the session may still be there
   * @param {number} [retryAfter] seconds for which the server wants to be left alone
   * @returns {number} ms until the next attempt
   */
  next(now, resumable, retryAfter = 0) {
    const after = Math.min(retryAfter, LONGEST_RETRY_AFTER) * 1000;
    this.#notBefore = now + after;
    return after + backoff(this.attempts++, FIRST_WAIT, resumable ? GRACE_WAIT : LONGEST_WAIT, this.#random);
  }
}
