import { isObject } from "./wire.js";

/** @import { Call, Note } from "./call.js" */
/** @import { PeerInfo } from "./types.js" */

/** Another member of the room, and the call with it. It stays the same object while the call stands, even if its id changes. */
export class PeerLink {
  #call;
  #send;

  /**
   * @param {PeerInfo} info
   * @param {Call} call
   * @param {(to: string, data: unknown, label?: string) => number} send by the server
   */
  constructor(info, call, send) {
    this.#call = call;
    this.#send = send;
    this.id = info.peer;
    this.name = info.name;
    this.metadata = info.metadata;
    /** Its connection to the server is lost; the call may well go on. */
    this.away = info.away ?? false;
  }

  /** The RTCPeerConnection, to which tracks and data channels are added as one likes: negotiation follows by itself. */
  get connection() {
    return this.#call.connection;
  }

  /** The data channel `parley`, on which the two clients talk. */
  get channel() {
    return this.#call.channel;
  }

  /**
   * Sends any JSON by the server, which delivers it or tells its loss.
   * @param {unknown} data
   * @returns {number} the id that undelivered, refused and lost name
   */
  send(data) {
    return this.#send(this.id, data);
  }

  /**
   * Tells the peer something over the data channel, or by the server while that is not open. It comes as `note`.
   * @param {Note} note a chat message is `{type: "chat", text}`; the client's own types are taken: probe, probe-answer, verified, moved
   */
  tell(note) {
    if (!isNote(note)) throw new TypeError("a note needs a type of its own");
    if (!this.#call.tell(note)) this.#send(this.id, note, "parley");
  }
}

/** What the clients themselves tell each other. */
const TAKEN = new Set(["probe", "probe-answer", "verified", "moved"]);

/** @param {unknown} value @returns {value is Note} whether it is something that an application may tell */
export function isNote(value) {
  return isObject(value) && typeof value.type === "string" && !TAKEN.has(value.type);
}
