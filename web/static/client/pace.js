/**
 * Spends the allowance that the server gives a client, so that nothing is refused as rate-limited. It counts at the moment of
 * sending, the server at that of receiving: a network that holds messages back and delivers them at once makes a burst
 * larger. A quarter of the burst is therefore never used.
 */
export class Pace {
  #rate = 0; // a second; 0: no limit
  #burst = 1;
  #tokens = 0;
  #at = 0;

  /**
   * Takes the server's numbers; what has been spent stays spent.
   * @param {number} now ms
   * @param {{rate: number, burst: number}} limits
   */
  set(now, { rate, burst }) {
    const fresh = this.#rate === 0;
    this.#refill(now);
    this.#rate = rate;
    this.#burst = Math.max(1, Math.ceil(((burst || rate) * 3) / 4));
    this.#tokens = fresh ? this.#burst : Math.min(this.#tokens, this.#burst);
  }

  /**
   * @param {number} now ms
   * @param {number} cost
   * @returns {number} 0 when the cost was spent; else how many ms it takes until it is there
   */
  take(now, cost) {
    if (this.#rate === 0) return 0;
    this.#refill(now);
    const price = Math.min(cost, this.#burst);
    const lacking = price - this.#tokens;
    if (lacking > 1e-6) return Math.ceil((lacking / this.#rate) * 1000 - 1e-6);
    this.#tokens -= price;
    return 0;
  }

  /**
   * Spends what is left: the server has refused something, so it has counted otherwise.
   * @param {number} now ms
   */
  empty(now) {
    this.#refill(now);
    this.#tokens = 0;
  }

  /** @param {number} now */
  #refill(now) {
    const seconds = Math.max(0, now - this.#at) / 1000; // clocks may be set back
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + seconds * this.#rate);
  }
}
