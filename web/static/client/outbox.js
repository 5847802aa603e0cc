/** @import { Sent } from "./types.js" */

/**
 * @typedef {object} Entry a numbered message that has been accepted for sending
 * @property {number} id its first number: what the application knows it by
 * @property {number} seq its number on the wire, 0 for none yet
 * @property {string} type
 * @property {string | undefined} to
 * @property {unknown} data
 * @property {string} body its JSON without the closing brace
 * @property {boolean} paid its price was taken from the allowance
 */

/** How many acknowledged messages are kept: an acknowledgement may overtake the refusal of the very message. */
const KEEP = 128;
/** Over how many numbers a message that was numbered anew is known by its first number. */
const REMEMBER = 4096;
/** How long, in ms, a message that was in flight when another was refused is waited for. */
const SETTLE = 2000;

/** What has been accepted and not been acknowledged. Numbers grow over all sessions, so that an id stays unique. */
export class Outbox {
  last = 0; // the highest number given out
  written = 0; // the highest number that was written to any socket of this session
  /** @type {Entry[]} not acknowledged, by number */
  #sent = [];
  #next = 0; // the first of #sent that has not been written to this socket
  /** @type {Entry[]} acknowledged lately, by number */
  #kept = [];
  /** @type {Entry[]} refused for the rate, and what has to wait behind; by id */
  #again = [];
  #pauseUntil = 0;
  #resending = false;
  /** @type {Map<string, Entry[]>} for peers that are expected back */
  #held = new Map();
  /** @type {Map<number, number>} from a fresh number to the id */
  #first = new Map();

  /** How many messages are without acknowledgement. */
  get waiting() {
    let held = 0;
    for (const entries of this.#held.values()) held += entries.length;
    return this.#sent.length + this.#again.length + held;
  }

  /** Whether everything that may be sent was written to this socket. */
  get idle() {
    return this.#next === this.#sent.length && this.#again.length === 0;
  }

  /**
   * @param {Pick<Entry, "type" | "to" | "data" | "body">} message
   * @param {boolean} hold until the peer is back
   * @returns {number} the id
   */
  add({ type, to, data, body }, hold = false) {
    /** @type {Entry} */
    const entry = { id: 0, seq: 0, type, to, data, body, paid: false };
    if (hold && to !== undefined) {
      entry.id = ++this.last;
      this.#hold(to, entry);
    } else if (this.#again.length > 0) {
      entry.id = ++this.last;
      this.#again.push(entry);
    } else {
      this.#number(entry);
    }
    return entry.id;
  }

  /** @param {Entry} entry */
  #number(entry) {
    entry.seq = ++this.last;
    if (entry.id === 0) entry.id = entry.seq;
    else this.#first.set(entry.seq, entry.id);
    for (const seq of this.#first.keys()) {
      if (seq + REMEMBER >= entry.seq) break;
      this.#first.delete(seq);
    }
    this.#sent.push(entry);
  }

  /** @param {number} seq @returns {number} the number that the application knows the message by */
  id(seq) {
    return this.#first.get(seq) ?? seq;
  }

  /** @param {number} window @returns {Entry | undefined} the next message to be written, if the window allows one */
  peek(window) {
    return this.#next < window ? this.#sent[this.#next] : undefined;
  }

  /** Notes that what peek has given was written. */
  advance() {
    this.written = Math.max(this.written, this.#sent[this.#next]?.seq ?? 0);
    this.#next++;
  }

  /** @param {number} seq @returns {boolean} false if that was never written */
  acknowledge(seq) {
    if (seq > this.written) return false;
    const n = this.#after(seq);
    this.#kept = [...this.#kept, ...this.#sent.slice(0, n)].slice(-KEEP);
    this.#sent.splice(0, n);
    this.#next = Math.max(0, this.#next - n);
    return true;
  }

  /** @param {number} seq @returns {number} the index of the first message above seq */
  #after(seq) {
    const i = this.#sent.findIndex((entry) => entry.seq > seq);
    return i < 0 ? this.#sent.length : i;
  }

  /**
   * Begins a new socket: what the server has received is not written again, and yet kept until it is acknowledged.
   * @param {number} received
   * @returns {boolean} false if that was never written
   */
  resumed(received) {
    if (received > this.written) return false;
    this.#next = this.#after(received);
    return true;
  }

  /**
   * Has a message sent again under a fresh number. What has not been written yet waits with it, so that nothing is overtaken;
   * what is in flight behind it cannot be held back.
   * @param {number} seq
   * @param {number} until when sending may go on
   * @returns {boolean} false for a message that is not known any more
   */
  refuse(seq, until) {
    const entry = this.remove(seq);
    if (!entry) return false;
    const n = this.#after(this.written);
    this.#again.push(entry, ...this.#sent.splice(n));
    this.#again.sort((a, b) => a.id - b.id);
    this.#next = Math.min(this.#next, n);
    this.#pauseUntil = Math.max(this.#pauseUntil, until);
    this.#resending = false;
    return true;
  }

  /** @param {number} seq @returns {Entry | undefined} the message, taken out; undefined if it is not known any more */
  remove(seq) {
    for (const entries of [this.#sent, this.#kept]) {
      const i = entries.findIndex((entry) => entry.seq === seq);
      if (i < 0) continue;
      if (entries === this.#sent && i < this.#next) this.#next--;
      return entries.splice(i, 1)[0];
    }
    return undefined;
  }

  /**
   * The first of the refused messages and when it may go: after the pause, and when it is known how those fared that were in
   * flight behind it, because they go first if they too were refused.
   * @returns {{entry: Entry, at: number} | undefined}
   */
  again() {
    const entry = this.#again[0];
    const settle = this.#sent.length > 0 && !this.#resending ? SETTLE : 0;
    return entry && { entry, at: this.#pauseUntil + settle };
  }

  /** Gives the first of the refused messages, whose price has been paid, a fresh number. */
  resend() {
    const entry = this.#again.shift();
    if (!entry) return;
    entry.paid = true;
    this.#resending = this.#again.length > 0;
    this.#number(entry);
  }

  /** @param {string} peer that is back */
  release(peer) {
    for (const entry of this.drop(peer)) this.#number(entry);
  }

  /** @param {string} peer @returns {Entry[]} what was held for it, taken out */
  drop(peer) {
    const entries = this.#held.get(peer) ?? [];
    this.#held.delete(peer);
    return entries;
  }

  /** @returns {Sent[]} everything, in the order of sending; nothing is left */
  lose() {
    const all = [...this.#sent, ...this.#again, ...[...this.#held.values()].flat()];
    this.#sent = [];
    this.#kept = [];
    this.#again = [];
    this.#held.clear();
    this.#next = 0;
    this.#resending = false;
    return tell(all);
  }

  /**
   * Takes out what a server that knows nothing of it any more may have had: all that was written to it and not refused. The rest waits
   * on, for those who are expected back separately.
   * @param {(peer: string) => boolean} expected
   * @returns {Sent[]} what was taken out
   */
  forfeit(expected) {
    const lost = this.#sent.splice(0, this.#after(this.written));
    const goes = (/** @type {Entry} */ entry) => {
      if (entry.to === undefined || !expected(entry.to)) return true;
      this.#hold(entry.to, entry);
      return false;
    };
    this.#again = this.#again.filter(goes);
    this.#sent = this.#sent.filter(goes);
    this.#kept = [];
    this.#next = 0;
    // It was the server before that refused, and nothing is in flight any more.
    this.#pauseUntil = 0;
    this.#resending = true;
    return tell(lost);
  }

  /** @param {string} peer @param {Entry} entry */
  #hold(peer, entry) {
    this.#held.set(peer, [...(this.#held.get(peer) ?? []), entry]);
  }
}

/** @param {Entry[]} entries @returns {Sent[]} them as the application hears of them, in the order of sending */
function tell(entries) {
  return entries.sort((a, b) => a.id - b.id).map(({ id, type, to, data }) => ({ id, type, to, data }));
}
