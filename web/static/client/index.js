/**
 * The browser's client of a Parley server.
 *
 *     import { join } from "/client/index.js";
 *     const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
 *     const room = await join({ room: "tea" });
 *     room.addEventListener("peer", ({ detail: peer }) => {
 *       for (const track of stream.getTracks()) peer.connection.addTrack(track, stream);
 *       peer.connection.ontrack = ({ streams }) => { document.querySelector("video").srcObject = streams[0]; };
 *     });
 */
import { Room } from "./room.js";

/** @import { JoinOptions } from "./options.js" */

/**
 * Joins a room. Listeners that are added right after `await join(…)` miss nothing.
 * @param {JoinOptions} options
 * @returns {Promise<Room>}
 * @throws {import("./codes.js").ParleyError} why the room was not joined: its `code` says what is the matter
 */
export async function join(options) {
  const room = new Room(options);
  await room.join();
  return room;
}

export { ParleyError } from "./codes.js";
export { PeerLink } from "./peer.js";
export { Room } from "./room.js";
export { Signaling } from "./signaling.js";
