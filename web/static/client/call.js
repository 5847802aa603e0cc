import { Timer } from "./environment.js";
import { Negotiation } from "./negotiation.js";
import { pathOf } from "./path.js";

/** @import { Environment } from "./environment.js" */
/** @import { SendSignal } from "./negotiation.js" */
/** @import { IceServer, Signal } from "./types.js" */

/** @typedef {{type: string, [member: string]: unknown}} Note what peers tell each other over the data channel */

/** The data channel that every connection has: negotiated, so that it is there without asking. */
export const CHANNEL = Object.freeze({ label: "parley", id: 0 });

/** States in which nothing passes. In "connecting" it does where the channel is open: Firefox says so of a call that stands while an offer waits. */
const BROKEN = new Set(["disconnected", "failed", "closed"]);

const DISCONNECTED = 5000; // ms that a connection may be interrupted before it is helped
const LATER = 2000; // ms that the side which joined first leaves the restart to the other
const FIRST_RESTART = 2000; // ms, the first wait for a restart to work
const LONGEST_RESTART = 30_000;

/**
 * What happens in a call.
 * @typedef {object} CallEvents
 * @property {SendSignal} send
 * @property {(note: Note) => void} noted
 * @property {() => void} answered the sign of life has come
 * @property {() => void} down it does not stand any more; it is tried to get it back
 * @property {(tries: number) => void} broken it cannot be got back: both sides have to begin anew
 * @property {(error: unknown) => void} failed
 * @property {(state: "connected" | "failed" | "closed", path?: string, elapsed?: number) => void} report
 */

/** One RTCPeerConnection: negotiated, brought back when it fails, with the data channel on it. It knows no rooms. */
export class Call {
  #env;
  #events;
  #negotiation;
  #timer;
  #tries;
  #probe = "";
  #began;
  #connected = false; // has been
  #failed = false; // and was not connected since
  #missed = false;
  #stuck = false;
  #closed = false;

  /**
   * @param {Environment} env
   * @param {RTCConfiguration} configuration
   * @param {object} role
   * @param {boolean} role.polite
   * @param {boolean} role.held nothing is offered before the other side has
   * @param {number} role.tries how often it was tried before, with other connections
   * @param {CallEvents} events
   */
  constructor(env, configuration, { polite, held, tries }, events) {
    this.#env = env;
    this.#events = events;
    this.#began = env.now();
    this.#tries = tries;
    this.#timer = new Timer(env, () => this.#restart());
    this.connection = new env.RTCPeerConnection(configuration);
    const fail = (/** @type {unknown} */ error, /** @type {boolean} */ stuck) => {
      events.failed(error);
      if (stuck) this.#stick();
    };
    this.#negotiation = new Negotiation(this.connection, { polite, held, send: events.send, fail });
    this.channel = this.connection.createDataChannel(CHANNEL.label, { negotiated: true, id: CHANNEL.id });
    this.channel.addEventListener("message", ({ data }) => this.#note(data));
    this.channel.addEventListener("close", () => this.#closed || events.down());
    this.connection.addEventListener("connectionstatechange", () => this.#watch());
    this.connection.addEventListener("iceconnectionstatechange", () => this.#watch());
  }

  /** As connectionState, which Firefox has since 113. */
  get state() {
    const { connectionState, iceConnectionState } = this.connection;
    return connectionState ?? (iceConnectionState === "completed" ? "connected" : iceConnectionState);
  }

  /** Whether it works, as far as this side can tell, without any server. */
  get stands() {
    return this.channel.readyState === "open" && !BROKEN.has(this.state);
  }

  /** @param {boolean} polite */
  set polite(polite) {
    this.#negotiation.polite = polite;
  }

  /** @param {boolean} held */
  set held(held) {
    this.#negotiation.held = held;
  }

  /** @param {Signal} signal */
  isStrange(signal) {
    return this.#negotiation.isStrange(signal);
  }

  /** @param {Signal} signal */
  receive(signal) {
    void this.#negotiation.receive(signal);
  }

  /** @param {IceServer[]} iceServers for the next time that candidates are gathered */
  set iceServers(iceServers) {
    try {
      this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers });
    } catch (error) {
      if (!this.#closed) this.#events.failed(error);
    }
  }

  /** @param {Note} note @returns {boolean} false where the channel is not open */
  tell(note) {
    if (this.channel.readyState !== "open") return false;
    try {
      this.channel.send(JSON.stringify(note));
      return true;
    } catch {
      return false; // its buffer is full, or the note is longer than the other side takes
    }
  }

  /** @param {unknown} data */
  #note(data) {
    /** @type {unknown} */
    let note;
    try {
      note = JSON.parse(String(data));
    } catch {
      return; // not for us
    }
    if (!isNote(note)) return;
    const { type, id } = note;
    if ((type === "probe" || type === "probe-answer") && id === this.#probe) this.#events.answered();
    else if (type === "probe") this.tell({ type: "probe-answer", id });
    else if (type !== "probe-answer" && type !== "verified") this.#events.noted(note);
  }

  /** Asks for a sign of life. A peer that echoes everything gives one too. */
  probe() {
    this.#probe = this.#env.secret();
    this.tell({ type: "probe", id: this.#probe });
  }

  /** Signals may have been lost: what is under way is begun again. */
  recover() {
    if (this.#negotiation.busy || this.state !== "connected") void this.#negotiation.recover(!this.stands);
  }

  /** The network has changed: an interruption is not waited out. */
  nudge() {
    if (this.state === "disconnected" || this.state === "failed") this.#timer.set(0);
  }

  /** A signal did not reach the other side, whose inbox is full: it is tried again in a while. */
  missed() {
    this.#missed = true;
    if (!this.#timer.running) this.#again();
  }

  /** The two sides do not agree any more, which is not to be mended. */
  #stick() {
    this.#stuck = true;
    this.#again();
  }

  #watch() {
    if (this.#closed) return;
    const { state } = this;
    if (state === "connected") {
      this.#failed = false;
      this.#tries = 0;
      if (!this.#missed && !this.#stuck) this.#timer.stop();
      if (!this.#connected) void this.#reportConnected();
      this.#connected = true;
    } else if (state === "disconnected") {
      if (!this.#timer.running) this.#timer.set(DISCONNECTED);
    } else if (state === "failed" && !this.#failed) {
      this.#failed = true;
      this.#events.report("failed");
      if (this.#mismatched) this.#stick();
      else if (!this.#stuck) this.#timer.set(this.#negotiation.polite ? 0 : LATER);
      this.#events.down();
    }
  }

  /** Whether the path is there and the other side is not who it should be: gathering candidates anew will not help. */
  get #mismatched() {
    const { connectionState, iceConnectionState } = this.connection;
    return connectionState === "failed" && (iceConnectionState === "connected" || iceConnectionState === "completed");
  }

  #restart() {
    if (this.#closed) return;
    if (this.#stuck) return this.#events.broken(this.#tries);
    if (this.state === "connected" && !this.#missed) return;
    if (this.#missed) this.recover();
    else if (!this.#negotiation.busy && !this.#negotiation.held) this.#negotiation.restart();
    this.#missed = false;
    if (this.state !== "connected") this.#again();
  }

  #again() {
    const wait = Math.min(FIRST_RESTART * 2 ** this.#tries++, LONGEST_RESTART);
    this.#timer.set(wait * (0.5 + this.#env.random()));
  }

  async #reportConnected() {
    const elapsed = Math.round(this.#env.now() - this.#began);
    const path = await pathOf(this.connection);
    if (!this.#closed) this.#events.report("connected", path, elapsed);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.stop();
    this.connection.close();
    if (this.#connected) this.#events.report("closed");
  }
}

/** @param {unknown} value @returns {value is Note} */
function isNote(value) {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
