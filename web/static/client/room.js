import { environment } from "./environment.js";
import { Emitter } from "./events.js";
import { Mesh } from "./mesh.js";
import { isNote } from "./peer.js";
import { Signaling } from "./signaling.js";

/** @import { Note } from "./call.js" */
/** @import { SignalingEvents } from "./membership.js" */
/** @import { JoinOptions } from "./options.js" */
/** @import { PeerLink } from "./peer.js" */
/** @import { IceServer, Message, State } from "./types.js" */

/**
 * The events of a room, with their details.
 * @typedef {object} RoomEvents
 * @property {State} state how the connection to the server is. Calls do not depend on it. The last one is closed
 * @property {{again: boolean}} joined `again` when the session was lost and the room joined anew, under a new id
 * @property {PeerLink} peer somebody is in the room: the moment to add tracks
 * @property {{peer: PeerLink, reason: string}} peerleft left, timeout, kicked, replaced, closed; or rebuilt, when the same peer comes
 *   again with a new connection
 * @property {PeerLink} peeraway its connection to the server is lost; the call may well go on
 * @property {PeerLink} peerback
 * @property {PeerLink} peerupdated its name or metadata has changed
 * @property {{peer: PeerLink, from: string}} peermoved it, or this client, has joined anew, and the call goes on under the new id
 * @property {{peer: PeerLink | undefined, from: string, data: unknown}} message by the server
 * @property {{peer: PeerLink, note: Note}} note what a peer told: see tell
 * @property {SignalingEvents["undelivered"]} undelivered a message did not and will not reach its receiver
 * @property {SignalingEvents["refused"]} refused by the server
 * @property {SignalingEvents["lost"]} lost messages that may have arrived or not, when a session ended
 * @property {SignalingEvents["iceservers"]} iceservers newer ones, which the connections have already
 * @property {SignalingEvents["knock"]} knock somebody waits to be let in, or does so no more: see admit and deny
 * @property {SignalingEvents["roomupdated"]} roomupdated the room was locked or unlocked
 * @property {SignalingEvents["announcement"]} announcement what the operator of the server says to everyone in the room
 * @property {SignalingEvents["draining"]} draining the server is about to end; the client moves within so many seconds
 * @property {{peer: PeerLink | undefined, error: unknown}} error something with a peer's connection has failed, which may be tried again; or,
 *   without a peer, the server's ICE servers are not of a form that the browser takes
 * @property {Record<string, unknown>} other a message of the server of a type that this client does not know
 */

/** Types of messages that the room itself sends: the application is not told of their loss. */
const OWN = new Set(["offer", "answer", "candidate", "report"]);

/**
 * A room with a call to everyone in it.
 * @extends {Emitter<RoomEvents>}
 */
export class Room extends Emitter {
  #signaling;
  #mesh;

  /** @param {JoinOptions} options */
  constructor(options) {
    super();
    const env = environment(options.environment);
    if (!env.RTCPeerConnection)
      throw new TypeError("there is no WebRTC here: use Signaling, or bring an RTCPeerConnection");
    const signaling = new Signaling(options);
    const mesh = new Mesh({
      env,
      configuration: () => {
        const { iceServers } = signaling;
        return iceServers.length > 0 ? { ...options.rtc, iceServers } : { ...options.rtc };
      },
      roster: () => signaling.peers,
      emit: (type, detail) => this.emit(type, detail),
      send: (message) => signaling.send(message),
      reports: options.reports ?? true,
    });
    this.#signaling = signaling;
    this.#mesh = mesh;
    this.#listen();
    const nudge = () => mesh.nudge();
    env.page?.addEventListener("online", nudge);
    signaling.addEventListener("state", ({ detail }) => {
      if (detail.status === "closed") {
        env.page?.removeEventListener("online", nudge);
        mesh.close("closed");
      }
      this.emit("state", detail);
    });
  }

  #listen() {
    const signaling = this.#signaling;
    const mesh = this.#mesh;
    signaling.addEventListener("joined", ({ detail: { again, previous } }) => {
      this.emit("joined", { again });
      mesh.joined(signaling.self, previous);
    });
    signaling.addEventListener("resumed", ({ detail }) => {
      if (!detail.complete) mesh.recover();
    });
    signaling.addEventListener("peerjoined", ({ detail }) => mesh.arrived(detail));
    signaling.addEventListener("peerleft", ({ detail }) => mesh.left(detail.peer, detail.reason));
    signaling.addEventListener("peeraway", ({ detail }) => mesh.away(detail.peer, true));
    signaling.addEventListener("peerback", ({ detail }) => mesh.away(detail.peer, false));
    signaling.addEventListener("peerupdated", ({ detail }) => mesh.updated(detail));
    signaling.addEventListener("signal", ({ detail }) => mesh.signal(detail));
    signaling.addEventListener("message", ({ detail }) => this.#message(detail));
    signaling.addEventListener("undelivered", ({ detail }) => {
      if (detail.code === "peer-slow") mesh.missed(detail.to);
      this.emit("undelivered", detail);
    });
    signaling.addEventListener("lost", ({ detail }) => {
      const messages = detail.messages.filter(({ type }) => !OWN.has(type));
      if (messages.length > 0) this.emit("lost", { messages });
    });
    signaling.addEventListener("iceservers", ({ detail }) => {
      mesh.iceServers = detail.iceServers;
      this.emit("iceservers", detail);
    });
    signaling.addEventListener("refused", ({ detail }) => this.emit("refused", detail));
    signaling.addEventListener("knock", ({ detail }) => this.emit("knock", detail));
    signaling.addEventListener("roomupdated", ({ detail }) => this.emit("roomupdated", detail));
    signaling.addEventListener("announcement", ({ detail }) => this.emit("announcement", detail));
    signaling.addEventListener("draining", ({ detail }) => this.emit("draining", detail));
    signaling.addEventListener("other", ({ detail }) => this.emit("other", detail));
  }

  /** @param {Message} message */
  #message({ from, data, label }) {
    if (label !== "parley") {
      this.emit("message", { peer: this.peers.get(from), from, data });
      return;
    }
    const peer = this.#mesh.met(from);
    if (peer && isNote(data)) this.emit("note", { peer, note: data });
  }

  /** The own id. It changes when the session was lost and the room joined anew. */
  get self() {
    return this.#signaling.self;
  }

  /** The others, by id. @returns {ReadonlyMap<string, PeerLink>} */
  get peers() {
    return this.#mesh.peers;
  }

  /** @returns {IceServer[]} */
  get iceServers() {
    return this.#signaling.iceServers;
  }

  /** Of kick, lock, admit and close, what this peer has a right to. @returns {readonly string[]} */
  get may() {
    return this.#signaling.may;
  }

  /** Whether the room lets nobody new in, as far as this peer has been told. */
  get locked() {
    return this.#signaling.locked;
  }

  /** @returns {State} */
  get state() {
    return this.#signaling.state;
  }

  /** How many messages the server has not acknowledged. More than 4,096 are not accepted. */
  get waiting() {
    return this.#signaling.waiting;
  }

  /**
   * Connects and joins. Events come only after those who await this have gone on: listeners that they add at once miss nothing.
   * @returns {Promise<void>}
   * @throws {import("./codes.js").ParleyError} why the room was not joined
   */
  join() {
    return this.#signaling.join();
  }

  /**
   * Sends any JSON to a peer, by the server: exactly once, over any number of lost connections, or its loss is told.
   * @param {string | PeerLink} to
   * @param {unknown} data
   * @returns {number} the id that undelivered, refused and lost name
   * @throws {import("./codes.js").ParleyError} where it cannot be accepted
   */
  send(to, data) {
    return this.#signaling.send({ type: "message", to: typeof to === "string" ? to : to.id, data: content(data) });
  }

  /** Sends any JSON to everyone else in the room. @param {unknown} data @returns {number} */
  broadcast(data) {
    return this.#signaling.send({ type: "message", data: content(data) });
  }

  /** Tells everyone something over the data channels: see PeerLink.tell. @param {Note} note */
  tell(note) {
    for (const peer of this.peers.values()) peer.tell(note);
  }

  /**
   * Changes what the others see.
   * @param {{name?: string | null, metadata?: Record<string, unknown> | null}} change null clears, what is absent stays
   * @returns {number}
   */
  update(change) {
    return this.#signaling.update(change);
  }

  /** Asks for fresh ICE servers: they come as `iceservers`. @returns {number} */
  requestIceServers() {
    return this.#signaling.send({ type: "ice-servers" });
  }

  /**
   * Tells the server how a call went, for its metrics. The client does so by itself, unless it was told not to.
   * @param {{about: string, state: "connected" | "failed" | "closed", path?: "host" | "srflx" | "prflx" | "relay", elapsed?: number}} report
   * @returns {number}
   */
  report(report) {
    return this.#signaling.send({ type: "report", ...report });
  }

  /** Asks for a token and sends it, before the one that was joined with ends. @returns {Promise<number>} */
  authenticate() {
    return this.#signaling.authenticate();
  }

  /** Has a peer leave, where `may` has kick. @param {string | PeerLink} peer @returns {number} */
  kick(peer) {
    return this.#signaling.send({ type: "kick", about: typeof peer === "string" ? peer : peer.id });
  }

  /** Ends the stay of everyone in the room, where `may` has close. @returns {number} */
  closeRoom() {
    return this.#signaling.send({ type: "close" });
  }

  /** Lets somebody in who waits, where `may` has admit. @param {string} knock @returns {number} */
  admit(knock) {
    return this.#signaling.send({ type: "admit", knock });
  }

  /** Does not let somebody in who waits. @param {string} knock @returns {number} */
  deny(knock) {
    return this.#signaling.send({ type: "deny", knock });
  }

  /** Locks the room, so that nobody new is let in, or unlocks it, where `may` has lock. @param {boolean} locked @returns {number} */
  lock(locked) {
    return this.#signaling.send({ type: "lock", locked });
  }

  /**
   * Sends the server a message of any type: those that are newer than this client.
   * @param {{type: string, [member: string]: unknown}} message
   * @returns {number}
   */
  command(message) {
    return this.#signaling.send(message);
  }

  /** Leaves: the others see it at once. Calls end. Resolves when the connection is closed. @returns {Promise<void>} */
  leave() {
    this.#mesh.close("closed");
    return this.#signaling.leave();
  }

  /** Ends at once and without a word to the server: the others see the peer away, and gone when the grace time has passed. */
  close() {
    this.#signaling.close();
  }
}

/** @param {unknown} data */
function content(data) {
  if (data === undefined) throw new TypeError("there is nothing to send");
  return data;
}
