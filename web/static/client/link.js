import { Call } from "./call.js";
import { Timer } from "./environment.js";
import { PeerLink } from "./peer.js";

/** @import { CallEvents, Note } from "./call.js" */
/** @import { Environment } from "./environment.js" */
/** @import { RoomEvents } from "./room.js" */
/** @import { PeerInfo } from "./types.js" */

/**
 * What is known of a peer beside what the application sees.
 * @typedef {object} Link
 * @property {PeerLink} peer
 * @property {Call} call
 * @property {string} gone why the server does not know it any more, "" if it does. Its call is kept while that stands
 * @property {string} claimed the new id that it has told over its channel, "" for none
 * @property {boolean} unsure it was asked for a sign of life, and has not given one
 * @property {Timer} limit gives it up
 */

/**
 * What links and their mesh need of the room.
 * @typedef {object} Around
 * @property {Environment} env
 * @property {() => RTCConfiguration} configuration
 * @property {() => ReadonlyMap<string, PeerInfo>} roster
 * @property {<K extends keyof RoomEvents>(type: K, detail: RoomEvents[K]) => void} emit
 * @property {(message: {type: string, [member: string]: unknown}) => number} send
 * @property {boolean} reports
 */

/**
 * @typedef {object} LinkEvents
 * @property {(link: Link) => void} answered it has given the sign of life
 * @property {(link: Link) => void} down its call does not stand any more
 * @property {(link: Link, tries: number) => void} broken its call cannot be got back
 * @property {(link: Link) => void} expired its limit has passed
 * @property {(link: Link, note: Note) => void} noted
 * @property {(link: Link) => boolean} current whether it is still in the mesh
 */

/**
 * @param {Around} around
 * @param {PeerInfo} info
 * @param {{first: boolean, tries: number}} how first: this side makes the first offer. tries: how often it was tried before
 * @param {LinkEvents} events
 * @returns {Link}
 */
export function createLink(around, info, { first, tries }, events) {
  const { env, emit, send, reports } = around;
  // What the application did not ask for is sent so: there is nobody to throw at.
  const quietly = (/** @type {{type: string, [member: string]: unknown}} */ message) => {
    try {
      send(message);
    } catch (error) {
      if (events.current(link)) emit("error", { peer: link.peer, error });
    }
  };
  const call = createCall(
    around,
    { polite: info.polite, held: !first, tries },
    {
      send: (type, content) => quietly({ type, to: link.peer.id, ...content }),
      noted: (note) => events.noted(link, note),
      answered: () => events.answered(link),
      down: () => events.down(link),
      broken: (tries) => events.broken(link, tries),
      failed: (error) => emit("error", { peer: link.peer, error }),
      report: (state, path, elapsed) => {
        if (reports) quietly({ type: "report", about: link.peer.id, state, path, elapsed });
      },
    },
  );
  const peer = new PeerLink(info, call, (to, data, label) => send({ type: "message", to, data, label }));
  const limit = new Timer(env, () => events.expired(link));
  /** @type {Link} */
  const link = { peer, call, gone: "", claimed: "", unsure: false, limit };
  return link;
}

/**
 * @param {Around} around
 * @param {{polite: boolean, held: boolean, tries: number}} role
 * @param {CallEvents} events
 */
function createCall({ env, configuration, emit }, role, events) {
  const given = configuration();
  try {
    return new Call(env, given, role, events);
  } catch (error) {
    emit("error", { peer: undefined, error });
    return new Call(env, { ...given, iceServers: [] }, role, events); // within one network it works without
  }
}
