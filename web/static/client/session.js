import { ParleyError, violation } from "./codes.js";
import { Outbox } from "./outbox.js";
import { Pace } from "./pace.js";

/** @import { Joined, Limits, Numbers, Refusal, Resumed, Sent, Welcome } from "./types.js" */

const ACK_WITHIN = 1000; // ms
const ACK_EVERY = 16; // messages
const RETRY_AFTER = 1; // seconds, the least pause after a refusal for the rate
/** How many messages may wait for the server before sending more is refused. */
export const MAX_WAITING = 4096;

const encoder = new TextEncoder();

/**
 * What a session is made of, apart from any socket: numbers, acknowledgements, what has to be sent again, and how fast. It
 * tells what to write next and when to ask again; it has no timers and does no I/O.
 */
export class Session {
  #outbox = new Outbox();
  #pace = new Pace();
  /** @type {Limits} */
  #limits = { message: 0, rate: 0, burst: 0, peers: 0, unacknowledged: 0 };
  #count = 0; // numbered messages since the last acknowledgement
  #due = 0; // when they must be acknowledged, ms
  #confirm = false; // acknowledge at once: the server's new secret is confirmed with it
  #leaving = false;
  #left = false;

  /** A secret; "" for none: only a join is possible. */
  secret = "";
  /** The highest number that has come. */
  received = 0;
  /** How long a lost connection may be away, ms. */
  grace = 0;

  /** How many messages are without acknowledgement. */
  get waiting() {
    return this.#outbox.waiting;
  }

  forget() {
    this.secret = "";
  }

  /** @param {Welcome} welcome @param {number} now */
  #welcome({ session, grace, limits }, now) {
    this.secret = session;
    this.grace = grace * 1000;
    this.#limits = limits;
    this.#pace.set(now, limits);
  }

  /**
   * Begins anew. What belonged to the session before is never sent into this one.
   * @param {Joined} joined
   * @param {number} now
   * @returns {Sent[]} what is lost with the session before
   */
  begin(joined, now) {
    this.#welcome(joined, now);
    const lost = this.#outbox.lose();
    this.#outbox.written = 0;
    this.received = 0;
    this.#count = 0;
    this.#confirm = false;
    return lost;
  }

  /**
   * Goes on with the session.
   * @param {Resumed} resumed
   * @param {number} now
   */
  resume(resumed, now) {
    if (!this.#outbox.resumed(resumed.received)) throw violation("it has received more than was sent");
    this.#welcome(resumed, now);
    this.#confirm = true;
  }

  /**
   * The server was restarted: what was written to the one before is not repeated. What was not is sent, as soon as its receiver is back.
   * @param {(peer: string) => boolean} expected whether a peer is expected back
   * @returns {Sent[]} what may be lost
   */
  forfeit(expected) {
    return this.#outbox.forfeit(expected);
  }

  /**
   * Accepts a message for sending.
   * @param {{type: string, [member: string]: unknown}} message
   * @param {boolean} [hold] until its receiver is back
   * @returns {number} its id
   */
  send(message, hold) {
    if (this.waiting >= MAX_WAITING) {
      throw new ParleyError("too-many-waiting", `${MAX_WAITING} messages wait for the server already`);
    }
    const body = JSON.stringify(message).slice(0, -1);
    const room = this.#limits.message - 64; // what the numbers may take
    if (room > 0 && body.length * 3 > room && encoder.encode(body).length > room) {
      throw new ParleyError("too-large", `a message may have ${this.#limits.message} bytes`);
    }
    const to = typeof message.to === "string" ? message.to : undefined;
    return this.#outbox.add({ type: message.type, to, data: message.data, body }, hold);
  }

  /** Has `leave` follow what was accepted. */
  leave() {
    this.#leaving = true;
  }

  /**
   * Takes the numbers of a message.
   * @param {Numbers} message
   * @param {number} now
   * @returns {boolean} false for one that came before and must be passed over
   */
  accept({ seq, ack }, now) {
    if (ack !== undefined && !this.#outbox.acknowledge(ack)) {
      throw violation("it acknowledged what was never sent");
    }
    if (seq === undefined) return true;
    if (this.#count === 0) this.#due = now + ACK_WITHIN;
    this.#count++; // also for what comes twice: the server seems not to know
    if (seq <= this.received) return false;
    this.received = seq;
    return true;
  }

  /**
   * Takes a refusal.
   * @param {Refusal} refusal
   * @param {number} now
   * @returns {number | undefined} the id of the message, if the server names one; undefined too where it is just sent again
   */
  refused({ code, of, retryAfter }, now) {
    if (code === "rate-limited") {
      this.#pace.empty(now);
      const pause = Math.max(RETRY_AFTER, retryAfter ?? 0) * 1000;
      if (of !== undefined && this.#outbox.refuse(of, now + pause)) return undefined;
    }
    if (of === undefined) return 0;
    this.#outbox.remove(of);
    return this.#outbox.id(of);
  }

  /** @param {number} seq @returns {number} the id of the message that had this number */
  id(seq) {
    return this.#outbox.id(seq);
  }

  /** @param {string} peer that is back: what was held for it is sent */
  release(peer) {
    this.#outbox.release(peer);
  }

  /** @param {string} peer that will not come back @returns {number[]} the ids of what was held for it */
  drop(peer) {
    return this.#outbox.drop(peer).map((entry) => entry.id);
  }

  /** @returns {Sent[]} what was not acknowledged, at the end */
  lose() {
    this.forget();
    return this.#outbox.lose();
  }

  /**
   * Looks for something to do, the most urgent first.
   * @param {number} now
   * @param {number} others in the room
   * @returns {{frame: string} | {frame: null, at: number}} what to write; or nothing, and when to look again
   */
  step(now, others) {
    if (this.#confirm || this.#count >= ACK_EVERY) return { frame: this.#ack() };
    let at = this.#count > 0 ? this.#due : Number.POSITIVE_INFINITY;
    at = Math.min(at, this.#stepAgain(now, others));
    const entry = this.#outbox.peek(this.#limits.unacknowledged || 256);
    if (entry) {
      const wait = entry.paid ? 0 : this.#pace.take(now, price(entry, others));
      if (wait === 0) {
        entry.paid = true;
        this.#outbox.advance();
        return { frame: this.#frame(entry.body, entry.seq) };
      }
      at = Math.min(at, now + wait);
    }
    if (this.#count > 0 && this.#due <= now) return { frame: this.#ack() };
    if (this.#leaving && !this.#left && this.#outbox.idle) return { frame: this.farewell() };
    return { frame: null, at };
  }

  /** @returns {string} `leave` */
  farewell() {
    this.#left = true;
    return '{"type":"leave"}';
  }

  /**
   * Numbers anew what was refused for its rate, as soon as it may go.
   * @param {number} now
   * @param {number} others
   * @returns {number} when to look again
   */
  #stepAgain(now, others) {
    for (;;) {
      const again = this.#outbox.again();
      if (!again) return Number.POSITIVE_INFINITY;
      if (again.at > now) return again.at;
      const wait = this.#pace.take(now, price(again.entry, others));
      if (wait > 0) return now + wait;
      this.#outbox.resend();
    }
  }

  /** @param {string} body @param {number} seq @returns {string} */
  #frame(body, seq) {
    const ack = this.#count > 0 ? `,"ack":${this.received}` : "";
    this.#count = 0;
    return `${body},"seq":${seq}${ack}}`;
  }

  #ack() {
    this.#count = 0;
    this.#confirm = false;
    return `{"type":"ack","ack":${this.received}}`;
  }
}

/**
 * A broadcast costs one for each 16 receivers begun, every other message one.
 * @param {{type: string, to: string | undefined}} message
 * @param {number} others
 */
function price({ type, to }, others) {
  return type === "message" && to === undefined ? Math.max(1, Math.ceil(others / 16)) : 1;
}
