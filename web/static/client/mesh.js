import { Timer } from "./environment.js";
import { createLink } from "./link.js";

/** @import { Note } from "./call.js" */
/** @import { Around, Link, LinkEvents } from "./link.js" */
/** @import { PeerLink } from "./peer.js" */
/** @import { IceServer, PeerInfo, Signal } from "./types.js" */

/** How long, in ms, a new id may turn out to be somebody known, and a peer may take to answer over the data channel. */
const UNSURE = 2000;

/**
 * One call with everyone in the room. A call outlives the ids of both sides: when a session was lost, and the peer or this client has
 * joined anew, they tell each other over the data channel, and the call moves to the new id.
 */
export class Mesh {
  #around;
  /** @type {LinkEvents} */
  #events = {
    answered: (link) => this.#confirm(link),
    down: (link) => link.gone && this.#drop(link, link.gone),
    broken: (link, tries) => void this.#rebuild(link, { first: true, tries }),
    expired: (link) => this.#giveUp(link),
    noted: (link, note) => this.#noted(link, note),
    current: (link) => this.#links.get(link.peer.id) === link,
  };
  /** @type {Map<string, Link>} by the id that the server knows, or knew last */
  #links = new Map();
  /** @type {Map<string, Timer>} new ids that may turn out to be somebody known */
  #parked = new Map();
  #closed = false;
  /** @type {Map<string, PeerLink>} */
  peers = new Map();

  /** @param {Around} around */
  constructor(around) {
    this.#around = around;
  }

  /**
   * The room was joined. After a rejoin every call that stands is kept, provided that its other side answers.
   * @param {string} self
   * @param {string} previous the own id before, "" for none
   */
  joined(self, previous) {
    const roster = this.#around.roster();
    for (const timer of this.#parked.values()) timer.stop();
    this.#parked.clear();
    for (const link of [...this.#links.values()]) {
      const info = roster.get(link.peer.id) ?? roster.get(link.claimed);
      if (!link.call.stands) {
        this.#drop(link, info ? "rebuilt" : "timeout");
        continue;
      }
      link.call.tell({ type: "moved", from: previous, to: self });
      this.#probe(link);
      if (info) this.#adopt(link, info);
      else this.#orphan(link, "timeout");
    }
    for (const info of roster.values()) this.arrived(info);
  }

  /** @param {PeerInfo} info */
  arrived(info) {
    if (this.#closed || this.#links.has(info.peer) || this.#parked.has(info.peer)) return;
    const links = [...this.#links.values()];
    const known = links.find(({ claimed }) => claimed === info.peer);
    if (known) this.#adopt(known, info);
    else if (links.some(({ gone }) => gone)) this.#park(info.peer);
    else this.#create(info, { first: info.polite, tries: 0 });
  }

  /** @param {string} id */
  #park(id) {
    const timer = new Timer(this.#around.env, () => this.met(id));
    timer.set(UNSURE);
    this.#parked.set(id, timer);
  }

  /** @param {string} id @returns {boolean} whether it was */
  #unpark(id) {
    this.#parked.get(id)?.stop();
    return this.#parked.delete(id);
  }

  /** @param {string} id of somebody who is not, or not any more, taken for somebody known @returns {PeerLink | undefined} */
  met(id) {
    const info = this.#around.roster().get(id);
    if (this.#unpark(id) && info) this.#create(info, { first: info.polite, tries: 0 });
    return this.peers.get(id);
  }

  /** @param {string} id @param {string} reason */
  left(id, reason) {
    this.#unpark(id);
    const link = this.#links.get(id);
    if (!link) return;
    const mayReturn = reason === "timeout" || reason === "replaced";
    if (!mayReturn || !link.call.stands) {
      this.#drop(link, reason);
      return;
    }
    this.#orphan(link, reason);
    if (reason === "replaced") link.limit.set(UNSURE);
    const info = this.#around.roster().get(link.claimed);
    if (info) this.#adopt(link, info);
  }

  /** Keeps a call with somebody whom the server does not know any more. @param {Link} link @param {string} reason */
  #orphan(link, reason) {
    link.gone = reason;
    link.call.held = true;
    this.away(link.peer.id, true);
  }

  /** @param {string} id @param {boolean} away */
  away(id, away) {
    const peer = this.peers.get(id);
    if (!peer || peer.away === away) return;
    peer.away = away;
    this.#around.emit(away ? "peeraway" : "peerback", peer);
  }

  /** @param {PeerInfo} info */
  updated(info) {
    const peer = this.peers.get(info.peer);
    if (!peer) return;
    peer.name = info.name;
    peer.metadata = info.metadata;
    this.#around.emit("peerupdated", peer);
  }

  /** @param {Signal} signal */
  signal(signal) {
    this.met(signal.from);
    let link = this.#links.get(signal.from);
    if (link?.call.isStrange(signal)) {
      link = this.#rebuild(link, { first: signal.type === "answer", tries: 0 });
      if (signal.type === "answer") return; // to what is no more
    }
    if (link && signal.type === "offer") this.#confirm(link);
    link?.call.receive(signal);
  }

  /** Messages may have been lost. */
  recover() {
    for (const { call } of this.#links.values()) call.recover();
  }

  /** The network has changed. */
  nudge() {
    for (const { call } of this.#links.values()) call.nudge();
  }

  /** @param {string} id of a peer that something did not reach */
  missed(id) {
    this.#links.get(id)?.call.missed();
  }

  /** @param {IceServer[]} iceServers */
  set iceServers(iceServers) {
    for (const { call } of this.#links.values()) call.iceServers = iceServers;
  }

  /** @param {string} reason */
  close(reason) {
    this.#closed = true;
    for (const id of [...this.#parked.keys()]) this.#unpark(id);
    for (const link of [...this.#links.values()]) this.#drop(link, reason);
  }

  /** @param {PeerInfo} info @param {{first: boolean, tries: number}} how */
  #create(info, how) {
    const link = createLink(this.#around, info, how, this.#events);
    this.#links.set(info.peer, link);
    this.peers.set(info.peer, link.peer);
    this.#around.emit("peer", link.peer);
    return link;
  }

  /** @param {Link} link @param {string} reason */
  #drop(link, reason) {
    if (!this.#events.current(link)) return;
    link.limit.stop();
    this.#links.delete(link.peer.id);
    this.peers.delete(link.peer.id);
    link.call.close();
    this.#around.emit("peerleft", { peer: link.peer, reason });
    this.#settle();
  }

  /** Where nobody is unaccounted for any more, new ids are new peers. */
  #settle() {
    if ([...this.#links.values()].some(({ gone }) => gone)) return;
    for (const id of [...this.#parked.keys()]) this.met(id);
  }

  /**
   * @param {Link} link
   * @param {{first: boolean, tries: number}} how
   * @returns {Link | undefined} the new one, if the peer is still in the room
   */
  #rebuild(link, how) {
    const info = this.#around.roster().get(link.peer.id);
    this.#drop(link, "rebuilt");
    return info && this.#create(info, how);
  }

  /** Its time is up: it has not answered, or has not said who it is now. @param {Link} link */
  #giveUp(link) {
    if (link.gone) this.#drop(link, link.gone);
    else this.#rebuild(link, { first: true, tries: 0 });
  }

  /** Asks whether a call really stands. Until it is known nothing is offered. @param {Link} link */
  #probe(link) {
    link.unsure = true;
    link.call.held = true;
    link.call.probe();
    link.limit.set(UNSURE);
  }

  /** @param {Link} link that is there */
  #confirm(link) {
    if (!link.unsure) return;
    link.unsure = false;
    link.limit.stop();
    this.#resume(link);
  }

  /** Goes on with negotiating, if it is known with whom. @param {Link} link */
  #resume(link) {
    if (link.gone || link.unsure) return;
    link.call.recover();
    link.call.held = false;
  }

  /** @param {Link} link @param {Note} note */
  #noted(link, note) {
    if (note.type === "moved") this.#moved(link, note);
    else this.#around.emit("note", { peer: link.peer, note });
  }

  /** @param {Link} link @param {Note} note */
  #moved(link, { from, to }) {
    const known = from === link.peer.id || from === link.claimed;
    if (!known || typeof to !== "string" || this.#links.has(to)) return; // an echo, or somebody else's id
    link.claimed = to;
    const info = this.#around.roster().get(to);
    if (info) this.#adopt(link, info);
  }

  /** Moves a call to the id under which the server knows the peer now. @param {Link} link @param {PeerInfo} info */
  #adopt(link, info) {
    const { peer, call } = link;
    const from = peer.id;
    this.#unpark(info.peer);
    this.#links.delete(from);
    this.peers.delete(from);
    peer.id = info.peer;
    this.#links.set(info.peer, link);
    this.peers.set(info.peer, peer);
    call.polite = info.polite;
    link.gone = "";
    link.claimed = "";
    if (!link.unsure) link.limit.stop();
    if (from !== info.peer) this.#around.emit("peermoved", { peer, from });
    this.away(info.peer, info.away ?? false);
    const same = peer.name === info.name && JSON.stringify(peer.metadata) === JSON.stringify(info.metadata);
    if (!same) this.updated(info);
    this.#resume(link);
    this.#settle();
  }
}
