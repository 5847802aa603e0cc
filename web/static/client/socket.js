import { Waits } from "./backoff.js";
import { actionOf, CLOSE, closeOf, ParleyError } from "./codes.js";
import { Timer } from "./environment.js";
import { LEAVING, next } from "./state.js";
import { SUBPROTOCOL } from "./wire.js";

/** @import { Environment } from "./environment.js" */
/** @import { Effect, Event, Status } from "./state.js" */
/** @import { Owner, State } from "./types.js" */

/**
 * How long, in ms, a status may last, and what it means if it does.
 * @type {Readonly<Partial<Record<Status, readonly [number, string]>>>}
 */
const LASTS = {
  opening: [10_000, "the server did not answer in time"],
  entering: [10_000, "the server did not answer the join in time"],
  knocking: [610_000, "nobody in the room has let us in"],
  checking: [5000, "nothing was heard from the server"],
  returning: [5000, ""],
  parting: [5000, ""],
  leaving: [5000, ""],
};

const SETTLED = 1000; // a connection that has lasted so long starts the waits anew

/** Events after which what went wrong before counts no more. @type {ReadonlySet<Event>} */
const WISHED = new Set(["welcomed", "leave", "part", "unload", "end", "done"]);

/** @type {Readonly<Record<import("./codes.js").Action, Event>>} */
const ENDINGS = { resume: "lost", join: "gone", stop: "stop", done: "done" };

/** One WebSocket after the other, each of which leads into the room. */
export class Connection {
  /** @type {Status} */
  status = "idle";
  /** Seconds of silence after which a sign of life is asked for; 0: never. */
  heartbeat = 0;
  /** @type {ParleyError | null} the refusal after which the server closes */
  refused = null;

  #env;
  #owner;
  #timer;
  #move;
  #waits;
  /** @type {WebSocket | null} */
  #socket = null;
  #turn = 0; // counts the sockets, so that nothing is heard of an earlier one
  #steps = 0;
  #entered = false; // has been in the room
  #began = 0;
  #openedAt = 0;
  #lostAt = 0;
  #heardAt = 0;
  /** @type {ParleyError | undefined} */
  #error;
  /** @type {State} */
  state = { status: "connecting" };

  /** @param {Environment} env @param {Owner} owner */
  constructor(env, owner) {
    this.#env = env;
    this.#owner = owner;
    this.#timer = new Timer(env, () => this.#expire());
    this.#move = new Timer(env, () => this.step("move"));
    this.#waits = new Waits(env.random);
  }

  /** Whether messages can be sent. */
  get live() {
    return this.status === "open" || this.status === "checking" || this.status === "leaving";
  }

  /** @param {string} text */
  send(text) {
    this.#socket?.send(text);
  }

  /** @param {number} ms until the server that drains is left */
  moveIn(ms) {
    this.#move.set(ms);
  }

  /**
   * @param {Event} event
   * @param {ParleyError} [error] why
   */
  step(event, error) {
    const before = this.status;
    if (event === "nudge" && before === "waiting" && !this.#waits.mayHurry(this.#env.now())) return;
    if (error || WISHED.has(event)) this.#error = LEAVING.has(before) ? undefined : error;
    const { status, effects } = next(before, event);
    this.status = status;
    const turn = ++this.#steps;
    if (status !== before || effects.length > 0) this.#enter(before);
    for (const effect of effects) {
      if (turn === this.#steps) this.#run(effect, event); // else a listener has led it elsewhere
    }
  }

  /** @param {Status} before */
  #enter(before) {
    const now = this.#env.now();
    const { status } = this;
    this.#timer.stop();
    const lasts = status === "open" ? this.heartbeat * 1000 : LASTS[status]?.[0];
    if (lasts) this.#timer.set(lasts);
    if (before === "idle") this.#began = now;
    if (before === "open" || before === "checking") {
      if (status === "checking" || status === "open") return;
      this.#move.stop();
      this.#lostAt = now;
      if (now - this.#openedAt >= SETTLED) this.#waits.attempts = 0;
    }
    if (status === "open") {
      this.#openedAt = this.#heardAt = now;
      this.#entered = true;
      this.#change({ status: "open" });
    }
    if (status === "knocking") this.#change({ status: "knocking" });
    if (status === "opening") this.#change({ ...this.#seeking(), in: 0 });
  }

  /** @returns {State} */
  #seeking() {
    const { state } = this;
    const status = this.#entered ? "reconnecting" : "connecting";
    const error = this.#error && { error: this.#error };
    return { status, attempt: state.status === status ? (state.attempt ?? 1) : 1, ...error };
  }

  /** @param {State} state */
  #change(state) {
    this.state = state;
    this.#owner.changed(state);
  }

  /** The timer of the status has run out. */
  #expire() {
    if (this.status === "open") {
      const silent = this.#env.now() - this.#heardAt;
      const left = this.heartbeat * 1000 - silent;
      if (left > 0 && silent >= 0) {
        this.#timer.set(left);
        return;
      }
    }
    const meaning = LASTS[this.status]?.[1];
    this.step("timer", meaning ? new ParleyError("unreachable", meaning) : undefined);
  }

  /** @param {Effect} effect @param {Event} event that has it */
  #run(effect, event) {
    switch (effect) {
      case "dial":
        return void this.#dial();
      case "drop":
        return this.#drop(event);
      case "enter":
        return void this.#hello();
      case "forget":
        return this.#owner.forget();
      case "retry":
        return this.#retry();
      case "live":
        return this.#owner.live();
      case "ping":
        return this.send('{"type":"ping"}');
      case "leave":
        return this.#owner.leaving();
      case "farewell":
        this.send(this.#owner.farewell());
        return this.#drop("leave");
      case "finish":
        return this.#finish();
    }
  }

  async #dial() {
    const turn = ++this.#turn;
    this.refused = null;
    try {
      const url = await this.#owner.url();
      if (turn === this.#turn) this.#open(url, turn);
    } catch (cause) {
      if (turn !== this.#turn) return;
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      this.step("lost", new ParleyError("unreachable", `there is no address to connect to${why}`, { cause }));
    }
  }

  /** @param {string} url @param {number} turn */
  #open(url, turn) {
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new this.#env.WebSocket(url, SUBPROTOCOL);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.step("stop", new ParleyError("unreachable", why, { cause }));
      return;
    }
    this.#socket = socket;
    socket.onerror = () => {}; // the close that follows is enough
    socket.onopen = () => {
      if (turn !== this.#turn) return;
      const error = new ParleyError("unsupported-version", `the server does not speak ${SUBPROTOCOL}`);
      if (socket.protocol === SUBPROTOCOL) this.step("opened");
      else this.step("stop", error);
    };
    socket.onmessage = ({ data }) => {
      if (turn === this.#turn) this.#receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (turn === this.#turn) this.#closed(code, reason);
    };
  }

  async #hello() {
    const turn = this.#turn;
    try {
      const text = await this.#owner.hello();
      if (turn === this.#turn) this.send(text);
    } catch (cause) {
      if (turn !== this.#turn) return;
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      this.step("lost", new ParleyError("no-token", `there is no token${why}`, { cause }));
    }
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heardAt = this.#env.now();
    if (this.status === "checking") this.step("heard");
    try {
      if (typeof data !== "string") throw new ParleyError("protocol", "the server sent a binary message");
      this.#owner.received(data);
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== "protocol") throw error;
      this.step("stop", error);
    }
  }

  /** @param {number} closeCode @param {string} reason */
  #closed(closeCode, reason) {
    const { refused, status } = this;
    const code = refused && closeCode === 1006 ? (closeOf(refused.code) ?? closeCode) : closeCode; // the frame itself was lost
    let ending = ENDINGS[actionOf(code)];
    if (code === 4102 && status === "entering" && !this.#owner.renewable) ending = "stop"; // the same token would be refused again
    this.#socket = null;
    if (ending === "done") {
      this.step(ending);
    } else if (status === "opening") {
      this.step(ending, new ParleyError("unreachable", "the server cannot be reached", { closeCode: code }));
    } else {
      const why = refused?.message || reason || `the connection was closed with ${code}`;
      const retryAfter = refused?.retryAfter;
      this.step(ending, new ParleyError(refused?.code ?? "closed", why, { closeCode: code, retryAfter }));
    }
  }

  /** @param {Event} event because of which */
  #drop(event) {
    this.#turn++;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (event === "leave" || event === "part" || event === "unload") socket.close(CLOSE.LEFT);
    else socket.close(this.#error?.code === "protocol" ? CLOSE.VIOLATION : CLOSE.AWAY);
  }

  #retry() {
    const now = this.#env.now();
    const resumable = this.#entered && now - this.#lostAt < this.#owner.grace();
    const wait = this.#waits.next(now, resumable, this.#error?.retryAfter);
    if (!this.#entered && now + wait - this.#began > this.#owner.patience) {
      this.step("stop");
      return;
    }
    this.#timer.set(wait);
    this.#change({ ...this.#seeking(), attempt: this.#waits.attempts, in: Math.round(wait) });
  }

  #finish() {
    this.#timer.stop();
    this.#move.stop();
    const error = this.#error;
    this.#change(error ? { status: "closed", error } : { status: "closed" });
  }
}
