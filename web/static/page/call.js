import { Room } from "../client/index.js";
import { read } from "./facts.js";
import { limit, quality, scaleDown } from "./quality.js";
import { codeOf } from "./words.js";

/** @import { PeerLink } from "../client/index.js" */
/** @import { Counters } from "./facts.js" */
/** @import { LocalMedia, Which } from "./media/local.js" */
/** @import { Dispatch, Facts, Peer, State } from "./types.js" */

/** The one place where the page meets the client: rooms and peers on that side, actions and streams on this. */

const FACTS_EVERY = 2000; // ms
const PATIENCE = 20_000; // ms that a first connection may take before it is said that there is none
const SETTLE = 300; // ms in which those who were in the room before are told of

const RESTART = 1012; // the close code of a server that comes back

/**
 * @typedef {object} Line what the page keeps for a peer
 * @property {PeerLink} peer
 * @property {Record<Which, RTCRtpSender | null>} senders
 * @property {RTCRtpSender[]} screen
 * @property {Map<string, MediaStream>} streams
 * @property {{facts: Facts, counters: Counters} | undefined} reading
 */

/** @typedef {{password?: string, token?: string}} Secrets that the server has asked for */

/**
 * Joins a room.
 * @param {{room: string, name: string, secrets: Secrets, media: LocalMedia, dispatch: Dispatch, state: () => State, signal: AbortSignal}} options
 * @returns {Promise<Call>}
 */
export async function enter({ room, name, secrets, media, dispatch, state, signal }) {
  const entered = new Room({ room, name, ...secrets, metadata: metadataOf(state()), signal });
  entered.addEventListener("state", ({ detail: { status } }) => {
    if (status === "knocking") dispatch({ type: "knocking" });
  });
  await entered.join();
  return new Call(entered, { media, dispatch, state });
}

/** What the others see of one's own media: as metadata it outlives every reconnect, and those who come later see it too. */
export function metadataOf(/** @type {Pick<State, "mic" | "camera" | "sharing">} */ { mic, camera, sharing }) {
  return { mic: mic.on, camera: camera.on, screen: sharing };
}

/** @param {unknown} value */
const flag = (value) => (typeof value === "boolean" ? value : null);

/** @param {PeerLink} peer @returns {Omit<Peer, "path" | "streams">} */
function described({ id, name, metadata, away }) {
  return {
    id,
    name: name || "Guest",
    mic: flag(metadata?.mic),
    camera: flag(metadata?.camera),
    screen: typeof metadata?.screen === "string" ? metadata.screen : null,
    away,
  };
}

/** A stay in a room, with a call to everyone in it. */
export class Call {
  #room;
  #media;
  #dispatch;
  #state;
  /** @type {Map<PeerLink, Line>} */
  #lines = new Map();
  /** @type {MediaStream | null} */
  #screen = null;
  #told = "";
  #over = false;
  #timer;
  #settled = false; // who was there before us is not announced

  /** @param {Room} room @param {{media: LocalMedia, dispatch: Dispatch, state: () => State}} page */
  constructor(room, { media, dispatch, state }) {
    this.#room = room;
    this.#media = media;
    this.#dispatch = dispatch;
    this.#state = state;
    const relay = room.iceServers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/u.test(url)));
    dispatch({ type: "joined", self: room.self, relay, now: Date.now(), may: room.may, locked: room.locked });
    this.#told = JSON.stringify(metadataOf(state()));
    this.#listen();
    media.changed = (which, track) => this.#replace(which, track);
    this.#timer = setInterval(() => void this.#readAll(), FACTS_EVERY);
    setTimeout(() => (this.#settled = true), SETTLE);
  }

  #listen() {
    const room = this.#room;
    const dispatch = this.#dispatch;
    room.addEventListener("state", ({ detail: { status, error } }) => {
      if (error?.closeCode === RESTART) dispatch({ type: "draining" });
      if (status === "open" || status === "reconnecting") dispatch({ type: "connection", connection: status });
      else if (status === "closed") this.#ended(error);
    });
    room.addEventListener("joined", ({ detail: { again } }) => again && dispatch({ type: "renewed", self: room.self }));
    room.addEventListener("draining", () => dispatch({ type: "draining" }));
    room.addEventListener("roomupdated", ({ detail: { locked } }) => dispatch({ type: "locked", locked }));
    room.addEventListener("knock", ({ detail }) => dispatch({ type: "knocked", ...detail }));
    room.addEventListener("announcement", ({ detail: { data } }) => {
      if (typeof data === "string") dispatch({ type: "toast", text: data.slice(0, 500), tone: "warn" });
    });
    room.addEventListener("refused", ({ detail: { message } }) =>
      dispatch({ type: "toast", text: message, tone: "warn" }),
    );
    room.addEventListener("peer", ({ detail }) => this.#arrived(detail));
    room.addEventListener("peerleft", ({ detail: { peer, reason } }) => {
      this.#lines.delete(peer);
      dispatch({ type: "left", id: peer.id, reason });
      this.#adapt();
    });
    room.addEventListener("peeraway", ({ detail: { id } }) => dispatch({ type: "away", id, away: true }));
    room.addEventListener("peerback", ({ detail: { id } }) => dispatch({ type: "away", id, away: false }));
    room.addEventListener("peerupdated", ({ detail }) => dispatch({ type: "updated", peer: described(detail) }));
    room.addEventListener("peermoved", ({ detail: { peer, from } }) => dispatch({ type: "moved", from, to: peer.id }));
    room.addEventListener("note", ({ detail: { peer, note } }) => {
      if (note.type === "chat" && typeof note.text === "string") this.#heard(peer.id, note.text);
    });
    room.addEventListener("undelivered", ({ detail: { to } }) => {
      const name = this.#state().peers[to]?.name;
      if (name) dispatch({ type: "toast", text: `A message did not reach ${name}.`, tone: "warn" });
    });
  }

  /** @param {{code?: string, closeCode?: number | undefined, message?: string} | undefined} error none if it was wished */
  #ended(error) {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#media.changed = () => {};
    this.shareScreen(null);
    this.#dispatch({
      type: "ended",
      now: Date.now(),
      ...(error ? { code: codeOf(error), detail: error.message ?? "" } : {}),
    });
  }

  /** @param {string} from @param {string} text */
  #heard(from, text) {
    this.#dispatch({ type: "said", from, text: text.slice(0, 4000), time: Date.now() });
  }

  /** @param {PeerLink} peer */
  #arrived(peer) {
    /** @type {Line} */
    const line = { peer, senders: { mic: null, camera: null }, screen: [], streams: new Map(), reading: undefined };
    this.#lines.set(peer, line);
    this.#dispatch({ type: "peer", peer: described(peer), fresh: this.#settled });
    const { connection } = peer;
    setTimeout(() => {
      const waiting = ["new", "connecting"].includes(connection.connectionState);
      if (waiting && this.#lines.has(peer)) this.#dispatch({ type: "path", id: peer.id, path: "failed" });
    }, PATIENCE);
    connection.addEventListener("track", (event) => this.#received(line, event));
    connection.addEventListener("connectionstatechange", () => this.#connected(line));
    for (const which of /** @type {Which[]} */ (["mic", "camera"])) {
      const track = this.#media.track(which);
      if (track) line.senders[which] = connection.addTrack(track, this.#media.stream);
    }
    this.#sendScreen(line);
    this.#adapt();
  }

  /** @param {Line} line @param {RTCTrackEvent} event */
  #received(line, { track, streams }) {
    const stream = streams[0] ?? line.streams.get("") ?? new MediaStream();
    if (!streams[0]) stream.addTrack(track);
    line.streams.set(streams[0]?.id ?? "", stream);
    const tell = () => {
      const live = [...line.streams].filter(([, { active }]) => active);
      line.streams = new Map(live);
      this.#dispatch({
        type: "streams",
        id: line.peer.id,
        streams: live.map(([id, each]) => ({
          id,
          audio: each.getAudioTracks().length > 0,
          video: each.getVideoTracks().some(({ muted }) => !muted),
        })),
      });
    };
    stream.addEventListener("removetrack", tell);
    for (const type of ["mute", "unmute", "ended"]) track.addEventListener(type, tell);
    tell();
  }

  /** @param {Line} line */
  #connected(line) {
    const { connection, id } = line.peer;
    switch (connection.connectionState) {
      case "connected":
        void this.#read(line);
        this.#adapt();
        break;
      case "failed":
        this.#dispatch({ type: "path", id, path: "failed" });
        break;
      case "disconnected":
        this.#dispatch({ type: "path", id, path: "connecting" });
    }
  }

  async #readAll() {
    if (document.visibilityState === "hidden") return;
    await Promise.all([...this.#lines.values()].map((line) => this.#read(line)));
  }

  /** @param {Line} line */
  async #read(line) {
    const { connection, id } = line.peer;
    if (connection.connectionState !== "connected") return;
    const report = await connection.getStats();
    const entries = /** @type {Iterable<Record<string, any>>} */ (/** @type {unknown} */ ([...report.values()]));
    line.reading = read(entries, line.reading);
    const { path } = line.reading.facts;
    if (path !== "connecting" && this.#state().peers[id]?.path !== path) this.#dispatch({ type: "path", id, path });
  }

  /** @param {string} id of a peer @returns {Facts | undefined} */
  facts(id) {
    return this.#line(id)?.reading?.facts;
  }

  /** @param {string} id of a peer @param {string} stream */
  stream(id, stream) {
    return this.#line(id)?.streams.get(stream);
  }

  /** @param {string} id */
  #line(id) {
    const peer = this.#room.peers.get(id);
    return peer && this.#lines.get(peer);
  }

  /** @param {Which} which @param {MediaStreamTrack | null} track */
  #replace(which, track) {
    for (const { peer, senders } of this.#lines.values()) {
      const sender = senders[which];
      if (sender)
        sender.replaceTrack(track).catch(() => {}); // the connection is closed
      else if (track) senders[which] = peer.connection.addTrack(track, this.#media.stream);
    }
    this.#adapt();
  }

  /** @param {MediaStream | null} stream null: no more */
  shareScreen(stream) {
    for (const track of this.#screen?.getTracks() ?? []) track.stop();
    this.#screen = stream;
    for (const line of this.#lines.values()) {
      for (const sender of line.screen) {
        if (line.peer.connection.signalingState !== "closed") line.peer.connection.removeTrack(sender);
      }
      line.screen = [];
      this.#sendScreen(line);
    }
    this.#dispatch({ type: "shared", stream: stream?.id ?? null });
    this.#adapt();
  }

  /** @param {Line} line */
  #sendScreen({ peer, screen }) {
    const stream = this.#screen;
    if (stream) screen.push(...stream.getTracks().map((track) => peer.connection.addTrack(track, stream)));
  }

  /** Sends no more than the number of peers bears. */
  #adapt() {
    const { height, bitrate, screenBitrate } = quality(this.#lines.size);
    for (const { senders, screen } of this.#lines.values()) {
      const picture = senders.camera?.track?.getSettings() ?? {};
      if (senders.camera) limit(senders.camera, bitrate, scaleDown(picture, height));
      for (const sender of screen) if (sender.track?.kind === "video") limit(sender, screenBitrate, 1);
    }
  }

  /** Tells the others about one's own media, where that has changed. @param {State} state */
  announce(state) {
    if (this.#over) return;
    const metadata = metadataOf(state);
    const text = JSON.stringify(metadata);
    if (text === this.#told) return;
    this.#told = text;
    this.#room.update({ metadata });
  }

  /** @param {string} text */
  say(text) {
    this.#room.tell({ type: "chat", text });
    this.#heard("", text);
  }

  /** @param {string} id of a peer that is to leave */
  kick(id) {
    this.#room.kick(id);
  }

  /** @param {string} knock of somebody who waits @param {boolean} admit */
  decide(knock, admit) {
    if (admit) this.#room.admit(knock);
    else this.#room.deny(knock);
    this.#dispatch({ type: "knocked", knock, name: "", over: true });
  }

  /** Ends the call for everyone. */
  endForAll() {
    this.#room.closeRoom();
  }

  /** @param {boolean} locked */
  lock(locked) {
    this.#room.lock(locked);
  }

  leave() {
    return this.#room.leave();
  }
}
