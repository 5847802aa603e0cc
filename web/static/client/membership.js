import { closeOf, ParleyError, violation } from "./codes.js";
import { Roster } from "./roster.js";
import { Session } from "./session.js";

/** @import { IceServer, Joined, Message, PeerInfo, Presence, Refusal, Resumed, Sent, ServerMessage, Signal, State } from "./types.js" */

/**
 * What being in a room brings.
 * @typedef {object} SignalingEvents
 * @property {State} state how the connection is; the last one is closed
 * @property {{again: boolean, previous: string}} joined `again` when the session was lost and a new one begun, under a new id. Peers
 *   that were known and are not in the room now have left
 * @property {{complete: boolean}} resumed the session goes on; not complete after a restart of the server, when messages may be lost
 * @property {{messages: Sent[]}} lost what was sent and not acknowledged when a session ended: it may have arrived or not
 * @property {PeerInfo} peerjoined
 * @property {{peer: string, reason: string}} peerleft
 * @property {{peer: string}} peeraway its connection is lost; it may come back
 * @property {{peer: string}} peerback
 * @property {PeerInfo} peerupdated
 * @property {Signal} signal an offer, an answer or a candidate
 * @property {Message} message
 * @property {{id: number, to: string, code: string}} undelivered a message did not and will not reach its receiver
 * @property {{id: number, code: string, message: string, retryAfter: number | undefined}} refused by the server; id 0 if it does not say
 *   which message
 * @property {{iceServers: IceServer[], expire: number | undefined}} iceservers newer ones; expire in seconds
 * @property {{knock: string, name: string, over: boolean}} knock somebody waits to be let in, or does so no more. It comes again and again
 * @property {{locked: boolean}} roomupdated what holds for the room from now on
 * @property {{data: unknown}} announcement what the operator of the server says to everyone in the room
 * @property {{within: number}} draining the server is about to end; the client moves within so many seconds
 * @property {Record<string, unknown>} other a message of a type that this client does not know
 */

/**
 * @typedef {object} Outlet
 * @property {<K extends keyof SignalingEvents>(type: K, detail: SignalingEvents[K]) => void} tell
 * @property {() => void} welcomed by joined or resumed, before anything is told of it
 * @property {(error: ParleyError) => void} refused the server closes after this
 * @property {(seconds: number) => void} drain
 */

/** The session and the room as they follow from the server's messages, one after the other. */
export class Membership {
  #outlet;
  session = new Session();
  roster = new Roster();
  /** The own id; "" before the first join. */
  self = "";
  /** Seconds of silence after which a sign of life is asked for. */
  heartbeat = 0;
  /** @type {IceServer[]} */
  iceServers = [];
  /** Of kick, lock, admit and close, what this peer has a right to. @type {string[]} */
  may = [];
  /** Whether the room lets nobody new in. */
  locked = false;

  /** @param {Outlet} outlet */
  constructor(outlet) {
    this.#outlet = outlet;
  }

  /** @param {Joined} joined @param {number} now */
  joined(joined, now) {
    const previous = this.self;
    const messages = this.session.begin(joined, now);
    this.roster.joined(joined.peers);
    this.self = joined.peer;
    this.iceServers = joined.iceServers;
    this.heartbeat = joined.heartbeat;
    this.may = joined.may ?? [];
    this.locked = joined.locked ?? false;
    this.#outlet.welcomed();
    if (messages.length > 0) this.#outlet.tell("lost", { messages });
    this.#outlet.tell("joined", { again: previous !== "", previous });
  }

  /** @param {Resumed} resumed @param {number} now */
  resumed(resumed, now) {
    if (resumed.peer !== this.self) throw violation("it resumed another peer");
    this.session.resume(resumed, now);
    const { before, back } = this.roster.resumed(resumed.peers, resumed.complete, now + this.session.grace);
    const messages = resumed.complete ? [] : this.session.forfeit((peer) => this.roster.isGhost(peer));
    for (const peer of back) this.session.release(peer);
    this.heartbeat = resumed.heartbeat;
    this.may = resumed.may ?? [];
    this.#outlet.welcomed();
    if (messages.length > 0) this.#outlet.tell("lost", { messages });
    this.#renew(resumed);
    this.#outlet.tell("resumed", { complete: resumed.complete });
    this.#compare(before);
  }

  /** Tells how the room differs from what was known. @param {ReadonlyMap<string, PeerInfo>} before */
  #compare(before) {
    const { tell } = this.#outlet;
    for (const [peer, info] of this.roster.peers) {
      const known = before.get(peer);
      if (!known) {
        tell("peerjoined", info);
        continue;
      }
      if ((known.away ?? false) !== (info.away ?? false)) tell(info.away ? "peeraway" : "peerback", { peer });
      const same = known.name === info.name && JSON.stringify(known.metadata) === JSON.stringify(info.metadata);
      if (!same) tell("peerupdated", info);
    }
  }

  /**
   * Takes a message in the room.
   * @param {ServerMessage} message
   * @param {number} now
   */
  receive(message, now) {
    const { tell } = this.#outlet;
    if (!this.session.accept(message, now)) return;
    switch (message.type) {
      case "offer":
      case "answer":
      case "candidate":
        return tell("signal", message);
      case "message":
        return tell("message", message);
      case "undelivered":
        return tell("undelivered", { id: this.session.id(message.of ?? 0), to: message.to, code: message.code });
      case "ice-servers":
        return this.#renew(message);
      case "knock":
        return tell("knock", { knock: message.knock, name: message.name ?? "", over: message.over ?? false });
      case "room-updated":
        this.locked = message.locked;
        return tell("roomupdated", { locked: message.locked });
      case "announcement":
        return tell("announcement", { data: message.data });
      case "draining":
        this.#outlet.drain(message.within);
        return tell("draining", { within: message.within });
      case "error":
        return this.#refused(message, now);
      case "joined":
      case "resumed":
        throw violation(`it sent ${message.type} in a session`);
      case "":
        return tell("other", message.message);
      case "ack":
      case "pong":
      case "waiting":
        return;
      default:
        this.#present(message);
    }
  }

  /** @param {{iceServers: IceServer[], iceServersExpire?: number}} message */
  #renew({ iceServers, iceServersExpire }) {
    this.iceServers = iceServers;
    this.#outlet.tell("iceservers", { iceServers, expire: iceServersExpire });
  }

  /** @param {Refusal} refusal @param {number} now */
  #refused(refusal, now) {
    const { code, message, retryAfter } = refusal;
    if (closeOf(code) !== undefined) this.#outlet.refused(new ParleyError(code, message, { retryAfter }));
    const id = this.session.refused(refusal, now);
    if (id !== undefined) this.#outlet.tell("refused", { id, code, message, retryAfter });
  }

  /** What is known already, because a resumed told it, is not told again. @param {Presence} message */
  #present(message) {
    const { tell } = this.#outlet;
    const { peer } = message;
    switch (message.type) {
      case "peer-joined": {
        const { type, seq, ack, ...info } = message;
        if (this.roster.add(info)) tell("peerjoined", info);
        else this.#back(peer);
        return;
      }
      case "peer-left":
        return this.gone(peer, message.reason);
      case "peer-back":
        return this.#back(peer);
      case "peer-away":
        if (this.roster.away(peer, true)) tell("peeraway", { peer });
        return;
      case "peer-updated": {
        const info = this.roster.update(message);
        if (info) tell("peerupdated", info);
      }
    }
  }

  /** @param {string} peer */
  #back(peer) {
    if (!this.roster.away(peer, false)) return;
    this.session.release(peer);
    this.#outlet.tell("peerback", { peer });
  }

  /** @param {string} peer @param {string} reason */
  gone(peer, reason) {
    if (!this.roster.remove(peer)) return;
    for (const id of this.session.drop(peer)) this.#outlet.tell("undelivered", { id, to: peer, code: "peer-gone" });
    this.#outlet.tell("peerleft", { peer, reason });
  }

  /**
   * Looks for something to write, and gives up peers that a restarted server has not seen again in time.
   * @param {number} now
   * @returns {{frame: string} | {frame: null, at: number}} what to write; or nothing, and when to look again
   */
  step(now) {
    for (;;) {
      const ghost = this.roster.nextGhost();
      if (!ghost || ghost.deadline > now) {
        const step = this.session.step(now, this.roster.peers.size);
        return step.frame === null && ghost ? { frame: null, at: Math.min(step.at, ghost.deadline) } : step;
      }
      this.gone(ghost.peer, "timeout");
    }
  }
}
