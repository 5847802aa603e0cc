import { reduce } from "./state.js";

/** @import { Action, State } from "./types.js" */

/** The page's state, and those who draw it. However many actions a turn brings, it is drawn once. */
export class Store {
  #state;
  /** @type {((state: State) => void)[]} */
  #views = [];
  #due = false;

  /** @param {State} state */
  constructor(state) {
    this.#state = state;
  }

  get state() {
    return this.#state;
  }

  /** @param {Action} action */
  dispatch = (action) => {
    const before = this.#state;
    this.#state = reduce(before, action);
    if (this.#state === before || this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      for (const draw of this.#views) draw(this.#state);
    });
  };

  /** @param {(state: State) => void} draw is called now, and after every change */
  subscribe(draw) {
    this.#views.push(draw);
    draw(this.#state);
  }
}
