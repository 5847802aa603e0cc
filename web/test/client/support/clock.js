/** Virtual time: `after` and `now` of an Environment, and `run` to let it pass. */
export class Clock {
  #now = 1_000_000;
  #order = 0;
  /** @type {{at: number, order: number, run: () => void}[]} */
  #timers = [];

  now = () => this.#now;

  after = (ms, run) => {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Lets so much time pass, and everything happen that is due in it. */
  async run(ms = 0) {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await settled();
    }
    this.#now = end;
  }

  /** The machine sleeps: time passes and no timer runs, until `run` is called. */
  sleep(ms) {
    this.#now += ms;
    for (const timer of this.#timers) timer.at += ms; // as where timers do not count the time asleep
  }
}

/** All promises that can go on have done so. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
