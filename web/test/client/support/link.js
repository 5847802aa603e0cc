/** Carries signals from one side to the other, in order, each after a moment. */
export class Wire {
  #clock;
  #random;
  #free = 0;
  up = true;

  constructor(clock, random = () => 0.5) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @param {() => void} deliver */
  send(deliver) {
    this.#free = Math.max(this.#free, this.#clock.now() + Math.floor(this.#random() * 20));
    this.#clock.after(this.#free - this.#clock.now(), () => this.up && deliver());
  }
}
