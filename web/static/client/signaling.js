import { closeOf, ParleyError, violation } from "./codes.js";
import { deferred, environment, Timer } from "./environment.js";
import { Emitter } from "./events.js";
import { claimIdentity } from "./identity.js";
import { watchPage } from "./lifecycle.js";
import { Membership } from "./membership.js";
import { addressOf } from "./options.js";
import { Connection } from "./socket.js";
import { LEAVING } from "./state.js";
import { decode } from "./wire.js";

/** @import { Claim } from "./identity.js" */
/** @import { SignalingEvents } from "./membership.js" */
/** @import { JoinOptions } from "./options.js" */
/** @import { IceServer, PeerInfo, Refusal, ServerMessage, State } from "./types.js" */

const PATIENCE = 10_000; // ms for which the first join is tried again

/** Refusals of a join that may be otherwise later. */
const PASSING = new Set(["overloaded", "rate-limited"]);

/**
 * A place in a room, kept over any number of lost connections, without WebRTC: whoever only wants messages and presence, or brings
 * another stack, uses this in place of Room.
 * @extends {Emitter<SignalingEvents>}
 */
export class Signaling extends Emitter {
  #options;
  #env;
  #name;
  #metadata;
  #updated = false;
  #membership;
  #connection;
  #pumping;
  /** @type {Promise<Claim> | null} */
  #claim = null;
  /** @type {(() => void)[] | null} events that wait until listeners can have been added */
  #held = [];
  /** @type {ReturnType<typeof deferred> | null} */
  #joining = null;
  /** @type {(() => void)[]} */
  #ending = [];

  /** @param {JoinOptions} options */
  constructor(options) {
    super();
    if (typeof options.room !== "string" || options.room === "") throw new TypeError("the name of a room is needed");
    this.#options = options;
    this.#name = options.name || undefined;
    this.#metadata = options.metadata;
    this.#env = environment(options.environment);
    this.#pumping = new Timer(this.#env, () => this.#pump());
    this.#connection = this.#connect(options);
    this.#membership = new Membership({
      tell: (type, detail) => this.#tell(type, detail),
      welcomed: () => {
        this.#connection.heartbeat = this.#membership.heartbeat;
        this.#connection.step("welcomed");
      },
      refused: (error) => {
        this.#connection.refused = error;
      },
      drain: (seconds) => this.#connection.moveIn(this.#env.random() * seconds * 1000),
    });
  }

  /** @param {JoinOptions} options */
  #connect(options) {
    return new Connection(this.#env, {
      url: addressOf(options),
      hello: () => this.#hello(),
      received: (text) => this.#receive(decode(text)),
      live: () => this.#pump(),
      leaving: () => {
        this.#membership.session.leave();
        this.#pump();
      },
      farewell: () => this.#membership.session.farewell(),
      forget: () => this.#membership.session.forget(),
      grace: () => (this.#membership.session.secret ? this.#membership.session.grace : 0),
      changed: (state) => this.#changed(state),
      renewable: typeof options.token === "function",
      patience: options.patience ?? PATIENCE,
    });
  }

  /** The own id; "" before the first join. It changes when the session was lost. */
  get self() {
    return this.#membership.self;
  }

  /** @returns {ReadonlyMap<string, PeerInfo>} the others in the room, by id */
  get peers() {
    return this.#membership.roster.peers;
  }

  /** @returns {IceServer[]} the newest that the server has told */
  get iceServers() {
    return this.#membership.iceServers;
  }

  /** Of kick, lock, admit and close, what this peer has a right to. @returns {readonly string[]} */
  get may() {
    return this.#membership.may;
  }

  /** Whether the room lets nobody new in, as far as this peer has been told. */
  get locked() {
    return this.#membership.locked;
  }

  /** @returns {State} */
  get state() {
    return this.#connection.state;
  }

  /** How many messages the server has not acknowledged. */
  get waiting() {
    return this.#membership.session.waiting;
  }

  /**
   * Connects and joins. Events come only after those who await this have gone on, so that their listeners miss nothing.
   * @returns {Promise<void>}
   * @throws {ParleyError} what is the matter: the caller may make another one and try again
   */
  async join() {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    if (this.#joining) return this.#joining.promise;
    const joining = deferred();
    this.#joining = joining;
    const abort = () => {
      joining.reject(signal?.reason);
      this.close();
    };
    signal?.addEventListener("abort", abort);
    const connection = this.#connection;
    const stop = watchPage(this.#env, {
      nudge: () => connection.step("nudge"),
      doubt: () => connection.step("doubt"),
      freeze: () => connection.step("freeze"),
      thaw: () => connection.step("thaw"),
      unload: () => connection.step("unload"),
    });
    this.#ending.push(stop);
    connection.step("start");
    try {
      await joining.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * Sends a message of any type that a client may send. It is delivered, or its loss is told: by undelivered, refused or lost.
   * @param {{type: string, [member: string]: unknown}} message
   * @returns {number} its id in those events
   * @throws {ParleyError} where it cannot be accepted
   */
  send(message) {
    const { self, roster, session } = this.#membership;
    const { status } = this.#connection;
    if (status === "closed" || LEAVING.has(status)) throw new ParleyError("ended", "the room was left");
    if (self === "") throw new ParleyError("not-joined", "the room was not joined yet");
    const id = session.send(message, typeof message.to === "string" && roster.isGhost(message.to));
    this.#pump();
    return id;
  }

  /**
   * Changes what the others see; a rejoin takes it along.
   * @param {{name?: string | null, metadata?: Record<string, unknown> | null}} change null clears, what is absent stays
   * @returns {number}
   */
  update({ name, metadata }) {
    const id = this.send({ type: "update", name: name === "" ? null : name, metadata });
    if (name !== undefined) this.#name = name || undefined;
    if (metadata !== undefined) this.#metadata = metadata ?? undefined;
    this.#updated = true;
    return id;
  }

  /** Asks for a token and sends it, before the one that was joined with ends. @returns {Promise<number>} */
  async authenticate() {
    return this.send({ type: "authenticate", token: await this.#token() });
  }

  /** Leaves: the others see it at once. Resolves when the connection is closed. @returns {Promise<void>} */
  leave() {
    return new Promise((resolve) => {
      if (this.#connection.status === "closed") return resolve();
      this.#ending.push(resolve);
      this.#connection.step(this.#connection.live || !this.#membership.session.secret ? "leave" : "part");
    });
  }

  /** Ends at once and without a word to the server: the others see the peer away, and gone when the grace time has passed. */
  close() {
    this.#connection.step("end");
  }

  #token() {
    const { token } = this.#options;
    return typeof token === "function" ? token() : token;
  }

  /** @returns {Promise<string>} the first message on a socket */
  async #hello() {
    const { secret, received } = this.#membership.session;
    if (secret) return JSON.stringify({ type: "resume", session: secret, received });
    const { room, password } = this.#options;
    const token = await this.#token();
    const identity = this.#options.identity ?? (await this.#identity());
    const [name, metadata] = [this.#name, this.#metadata];
    return JSON.stringify({ type: "join", room, name, metadata, token, password, identity });
  }

  async #identity() {
    this.#claim ??= claimIdentity(this.#env, this.#options.room);
    return (await this.#claim).identity;
  }

  /**
   * @template {keyof SignalingEvents} K
   * @param {K} type
   * @param {SignalingEvents[K]} detail
   */
  #tell(type, detail) {
    if (this.#held) this.#held.push(() => this.emit(type, detail));
    else this.emit(type, detail);
  }

  #release() {
    const held = this.#held;
    while (held?.length) held.shift()?.();
    this.#held = null;
  }

  /** @param {State} state */
  #changed(state) {
    if (state.status !== "closed") {
      this.emit("state", state);
      return;
    }
    this.#release();
    this.#pumping.stop();
    this.#claim?.then((claim) => claim.release());
    const messages = this.#membership.session.lose();
    if (messages.length > 0) this.emit("lost", { messages });
    this.emit("state", state);
    this.#joining?.reject(state.error ?? new ParleyError("ended", "it was closed before the room was joined"));
    for (const end of this.#ending.splice(0)) end();
  }

  /** Writes what may be written, and sets the time to look again. */
  #pump() {
    this.#pumping.stop();
    while (this.#connection.live) {
      const now = this.#env.now();
      const step = this.#membership.step(now);
      if (step.frame === null) return this.#pumping.set(step.at - now);
      this.#connection.send(step.frame);
    }
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    if (this.#connection.live) {
      this.#membership.receive(message, this.#env.now());
      this.#pump();
    } else {
      this.#answered(message);
    }
  }

  /** Takes the answer to join or resume. @param {ServerMessage} message */
  #answered(message) {
    const resuming = this.#membership.session.secret !== "";
    switch (message.type) {
      case "joined":
        if (resuming) throw violation("it joined what was to be resumed");
        if (this.self === "") this.#welcome();
        return this.#membership.joined(message, this.#env.now());
      case "resumed":
        if (!resuming) throw violation("it resumed what was to be joined");
        this.#membership.resumed(message, this.#env.now());
        if (!message.complete) this.#introduce();
        return;
      case "waiting":
        return this.#connection.step("knock");
      case "error":
        return this.#turnedAway(message, resuming);
    }
  }

  /** Says who this is to a server that was restarted: it knows the name at the most, as it was when the session was last resumed. */
  #introduce() {
    if (this.#updated || this.#metadata) this.update({ name: this.#name ?? null, metadata: this.#metadata ?? null });
  }

  #welcome() {
    this.#joining?.resolve();
    this.#env.after(0, () => this.#release());
  }

  /** @param {Refusal} refusal @param {boolean} resuming */
  #turnedAway({ code, message, retryAfter }, resuming) {
    const error = new ParleyError(code, message, { retryAfter });
    const again = this.self !== "" && code === "room-full"; // there was a seat, so there may be one again
    if (closeOf(code) !== undefined) this.#connection.refused = error;
    else if (PASSING.has(code) || again) this.#connection.step("lost", error);
    else if (resuming) this.#connection.step("renew");
    else this.#connection.step("stop", error);
  }
}
