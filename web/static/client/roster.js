/** @import { PeerInfo, PeerUpdated } from "./types.js" */

/** The room as last heard: everyone but oneself. */
export class Roster {
  /** @type {Map<string, PeerInfo>} */
  peers = new Map();
  /** @type {Set<string>} those that are known and that the roster of a resumed lacks: their peer-left is on its way */
  #missed = new Set();
  /** @type {Map<string, number>} those that a restarted server does not know yet: away, and gone at that moment */
  #ghosts = new Map();

  /** @param {readonly PeerInfo[]} peers of a new session */
  joined(peers) {
    this.peers = new Map(peers.map((info) => [info.peer, info]));
    this.#missed.clear();
    this.#ghosts.clear();
  }

  /**
   * Takes the roster of a session that goes on. After a restart of the server (not complete) those who are missing count as away
   * until the deadline.
   * @param {readonly PeerInfo[]} peers
   * @param {boolean} complete
   * @param {number} deadline
   * @returns {{before: Map<string, PeerInfo>, back: string[]}} the room as it was, and the ghosts that are back
   */
  resumed(peers, complete, deadline) {
    const before = this.peers;
    this.peers = new Map(peers.map((info) => [info.peer, info]));
    const back = [];
    for (const [peer, info] of before) {
      const ghost = this.#ghosts.has(peer);
      if (this.peers.has(peer)) {
        if (ghost) back.push(peer);
        this.#ghosts.delete(peer);
      } else if (ghost || !complete) {
        this.peers.set(peer, { ...info, away: true });
        if (!ghost) this.#ghosts.set(peer, deadline);
      } else {
        this.#missed.add(peer);
      }
    }
    return { before, back };
  }

  /** @param {string} peer */
  isGhost(peer) {
    return this.#ghosts.has(peer);
  }

  /** @returns {{peer: string, deadline: number} | undefined} the ghost whose time ends first */
  nextGhost() {
    /** @type {{peer: string, deadline: number} | undefined} */
    let first;
    for (const [peer, deadline] of this.#ghosts) {
      if (!first || deadline < first.deadline) first = { peer, deadline };
    }
    return first;
  }

  /** @param {PeerInfo} info @returns {boolean} whether it is a newcomer: after a resume the roster may have told of it before */
  add(info) {
    const known = this.peers.get(info.peer);
    this.peers.set(info.peer, known ? { ...info, away: known.away ?? false } : info);
    return known === undefined;
  }

  /** @param {string} peer @returns {boolean} whether it was known */
  remove(peer) {
    const missed = this.#missed.delete(peer);
    this.#ghosts.delete(peer);
    return this.peers.delete(peer) || missed;
  }

  /** @param {string} peer @param {boolean} away @returns {boolean} whether that is news */
  away(peer, away) {
    const info = this.peers.get(peer);
    if (!info || (info.away ?? false) === away) return false;
    this.peers.set(peer, { ...info, away });
    this.#ghosts.delete(peer);
    return true;
  }

  /** @param {PeerUpdated} update @returns {PeerInfo | undefined} the peer as it is now, if it is known */
  update({ peer, name, metadata }) {
    const info = this.peers.get(peer);
    if (!info) return undefined;
    const updated = { ...info };
    if (name === null) delete updated.name;
    else if (name !== undefined) updated.name = name;
    if (metadata === null) delete updated.metadata;
    else if (metadata !== undefined) updated.metadata = metadata;
    this.peers.set(peer, updated);
    return updated;
  }
}
