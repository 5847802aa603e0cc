/** @import { Path, Peer, State } from "./types.js" */

/**
 * @typedef {object} Tile what is to be seen of somebody
 * @property {string} key
 * @property {string} peer an id, "" for oneself
 * @property {boolean} screen whether it is a shared screen
 * @property {string} name
 * @property {string} stream the id of the stream that it shows, "" for none
 * @property {boolean} picture whether there is one
 * @property {boolean} muted
 * @property {boolean} away
 * @property {Path} path
 * @property {boolean} pinned
 * @property {boolean} inspected
 */

/** @param {string} peer @param {boolean} [screen] */
export function keyOf(peer, screen = false) {
  return `${screen ? "screen" : "peer"}:${peer}`;
}

/**
 * The tiles of the others, in the order of their coming, screens first.
 * @param {State} state
 * @returns {Tile[]}
 */
export function tilesOf(state) {
  const peers = state.order.flatMap((id) => state.peers[id] ?? []);
  const screens = peers.filter((peer) => screenOf(peer)).map((peer) => tile(state, peer, true));
  return [...screens, ...peers.map((peer) => tile(state, peer, false))];
}

/** @param {Peer} peer */
function screenOf({ screen, streams }) {
  return streams.find(({ id, video }) => id === screen && video);
}

/** @param {State} state @param {Peer} peer @param {boolean} screen @returns {Tile} */
function tile(state, peer, screen) {
  const key = keyOf(peer.id, screen);
  const stream = screen ? screenOf(peer) : peer.streams.find(({ id }) => id !== peer.screen);
  return {
    key,
    peer: peer.id,
    screen,
    name: peer.name,
    stream: stream?.id ?? "",
    picture: stream?.video === true && (screen || peer.camera !== false),
    muted: !screen && (peer.mic === false || (peer.mic === null && stream !== undefined && !stream.audio)),
    away: peer.away,
    path: peer.path,
    pinned: state.pinned === key,
    inspected: state.inspected.includes(key),
  };
}

/**
 * @param {State} state
 * @param {readonly Tile[]} tiles
 * @returns {number} the index of the large one: the pinned one, else the last screen; -1 for none
 */
export function largeOf(state, tiles) {
  const pinned = tiles.findIndex(({ key }) => key === state.pinned);
  return pinned >= 0 ? pinned : tiles.map(({ screen }) => screen).lastIndexOf(true);
}
