/** @import { Device, Knock, Line, Panel, Path, Peer, Screen, Source, State, StreamInfo, Toast } from "./types.js" */

/**
 * @typedef {{type: "went", screen: Screen, room: string}
 *   | {type: "named", name: string}
 *   | {type: "source", which: "mic" | "camera", source: Partial<Source>}
 *   | {type: "devices", devices: Device[]}
 *   | {type: "chosen", which: "mic" | "camera" | "speaker", id: string}
 *   | {type: "shared", stream: string | null}
 *   | {type: "joining"}
 *   | {type: "joined", self: string, relay: boolean, now: number, may: readonly string[], locked: boolean}
 *   | {type: "locked", locked: boolean}
 *   | {type: "knocking"}
 *   | {type: "knocked", knock: string, name: string, over: boolean}
 *   | {type: "renewed", self: string}
 *   | {type: "connection", connection: "open" | "reconnecting"}
 *   | {type: "draining"}
 *   | {type: "trouble", code: string, detail?: string}
 *   | {type: "dismissed"}
 *   | {type: "ended", now: number, code?: string, detail?: string}
 *   | {type: "peer", peer: Pick<Peer, "id" | "name" | "mic" | "camera" | "screen" | "away">, fresh: boolean}
 *   | {type: "updated", peer: Pick<Peer, "id" | "name" | "mic" | "camera" | "screen">}
 *   | {type: "left", id: string, reason: string}
 *   | {type: "away", id: string, away: boolean}
 *   | {type: "moved", from: string, to: string}
 *   | {type: "path", id: string, path: Path}
 *   | {type: "streams", id: string, streams: StreamInfo[]}
 *   | {type: "pin", key: string}
 *   | {type: "inspect", key: string}
 *   | {type: "panel", panel: Panel | null}
 *   | {type: "said", from: string, text: string, time: number}
 *   | {type: "toast", text: string, tone?: "calm" | "warn"}
 *   | {type: "toasted", id: number}} Action
 */

/** How many toasts are shown at once, and how many lines of chat are kept. */
const TOASTS = 4;
const LINES = 1000;

/** @type {Source} */
const NOTHING = { kind: "none", on: false, busy: false, problem: null };

/**
 * @param {{name?: string, visited?: string[], chosen?: State["chosen"]}} [known] from earlier visits
 * @returns {State}
 */
export function initial({ name = "", visited = [], chosen = { camera: "", mic: "", speaker: "" } } = {}) {
  return {
    screen: "landing",
    room: "",
    name,
    visited,
    mic: NOTHING,
    camera: NOTHING,
    devices: [],
    chosen,
    counter: 0,
    ...outside(),
    startedAt: 0,
    endedAt: 0,
  };
}

/** What belongs to one stay in a room. */
function outside() {
  return {
    sharing: null,
    connection: /** @type {const} */ ("idle"),
    draining: false,
    relay: false,
    may: /** @type {readonly string[]} */ ([]),
    knocks: /** @type {readonly Knock[]} */ ([]),
    locked: false,
    asks: null,
    trouble: null,
    self: "",
    peers: {},
    order: [],
    pinned: null,
    inspected: [],
    panel: null,
    chat: [],
    unread: 0,
    toasts: [],
  };
}

/**
 * @param {State} state
 * @param {Action} action
 * @returns {State} the same object where nothing has changed
 */
export function reduce(state, action) {
  switch (action.type) {
    case "went":
      return {
        ...state,
        ...outside(),
        screen: action.screen,
        room: action.room,
        asks: action.room === state.room ? state.asks : null,
      };
    case "named":
      return { ...state, name: action.name };
    case "source":
      return { ...state, [action.which]: { ...state[action.which], ...action.source } };
    case "devices":
      return { ...state, devices: action.devices };
    case "chosen":
      return { ...state, chosen: { ...state.chosen, [action.which]: action.id } };
    case "shared":
      return { ...state, sharing: action.stream };
    case "pin":
      return { ...state, pinned: state.pinned === action.key ? null : action.key };
    case "inspect":
      return { ...state, inspected: toggled(state.inspected, action.key) };
    case "panel":
      return panel(state, action.panel);
    case "said":
      return said(state, action);
    case "toast":
      return toast(state, action.text, action.tone);
    case "toasted":
      return { ...state, toasts: state.toasts.filter(({ id }) => id !== action.id) };
    case "peer":
    case "updated":
    case "left":
    case "away":
    case "moved":
    case "path":
    case "streams":
      return reducePeers(state, action);
    default:
      return reduceStay(state, action);
  }
}

/** @typedef {Extract<Action, {type: "joining" | "joined" | "renewed" | "connection" | "locked" | "knocking" | "knocked" | "draining" | "trouble" | "dismissed" | "ended"}>} Stay */

/** @param {State} state @param {Stay} action @returns {State} */
function reduceStay(state, action) {
  switch (action.type) {
    case "joining":
      return { ...state, connection: "joining", trouble: null };
    case "joined":
      return entered(state, action);
    case "renewed":
      return { ...state, self: action.self, connection: "open", draining: false };
    case "connection":
      if (state.screen !== "room" || action.connection === state.connection) return state;
      return { ...state, connection: action.connection, draining: state.draining && action.connection !== "open" };
    case "knocking":
      return state.connection === "joining" ? { ...state, connection: "knocking", toasts: [] } : state;
    case "knocked":
      return knocked(state, action);
    case "locked":
      if (state.locked === action.locked) return state;
      return toast(
        { ...state, locked: action.locked },
        action.locked ? "The room is locked: nobody new gets in" : "The room is open again",
      );
    case "draining":
      return { ...state, draining: true };
    case "trouble":
      if (state.screen === "room") return { ...state, trouble: trouble(action) };
      return {
        ...state,
        connection: "idle",
        trouble: trouble(action),
        asks: askedBy(action.code),
        toasts: [], // they said that it is still being tried
      };
    case "dismissed":
      return { ...state, trouble: null };
    case "ended":
      if (state.screen !== "room") return { ...state, connection: "idle" };
      return {
        ...state,
        ...outside(),
        screen: "after",
        endedAt: action.now,
        asks: askedBy(action.code),
        trouble: action.code === undefined ? null : trouble({ code: action.code, detail: action.detail }),
      };
  }
}

/** @param {State} state @param {Extract<Action, {type: "joined"}>} action @returns {State} */
function entered(state, { self, relay, now, may, locked }) {
  return {
    ...state,
    ...outside(),
    screen: "room",
    connection: "open",
    self,
    relay,
    may,
    locked,
    startedAt: now,
    endedAt: now,
    sharing: state.sharing,
    visited: [state.room, ...state.visited.filter((room) => room !== state.room)].slice(0, 6),
  };
}

/** @param {State} state @param {Extract<Action, {type: "knocked"}>} action @returns {State} */
function knocked(state, { knock, name, over }) {
  const others = state.knocks.filter((each) => each.knock !== knock);
  if (over) return others.length === state.knocks.length ? state : { ...state, knocks: others };
  return others.length < state.knocks.length
    ? state
    : { ...state, knocks: [...others, { knock, name: name || "Guest" }] };
}

/** @param {string | undefined} code of a trouble @returns {import("./types.js").Secret | null} what would have helped */
function askedBy(code) {
  if (code === "forbidden") return "password";
  return code === "unauthorized" || code === "token-expired" ? "token" : null;
}

/** @param {{code: string, detail?: string | undefined}} of */
function trouble({ code, detail }) {
  return detail === undefined ? { code } : { code, detail };
}

/** @typedef {Extract<Action, {type: "peer" | "updated" | "left" | "away" | "moved" | "path" | "streams"}>} OfPeers */

/** @param {State} state @param {OfPeers} action @returns {State} */
function reducePeers(state, action) {
  switch (action.type) {
    case "peer": {
      const { id } = action.peer;
      const added = {
        ...state,
        peers: { ...state.peers, [id]: { ...action.peer, path: /** @type {const} */ ("connecting"), streams: [] } },
        order: [...state.order.filter((other) => other !== id), id],
      };
      return action.fresh ? toast(added, `${action.peer.name} joined`) : added;
    }
    case "updated":
      return change(state, action.peer.id, action.peer);
    case "left":
      return left(state, action);
    case "away":
      return away(state, action);
    case "moved":
      return moved(state, action);
    case "path":
      return change(state, action.id, { path: action.path });
    case "streams":
      return change(state, action.id, { streams: action.streams });
  }
}

/** @param {State} state @param {string} id @param {Partial<Peer>} to @returns {State} */
function change(state, id, to) {
  const peer = state.peers[id];
  return peer ? { ...state, peers: { ...state.peers, [id]: { ...peer, ...to } } } : state;
}

/** @param {State} state @param {Extract<Action, {type: "left"}>} action @returns {State} */
function left(state, { id, reason }) {
  const { [id]: peer, ...peers } = state.peers;
  if (!peer) return state;
  const mine = (/** @type {string | null} */ key) => key === `peer:${id}` || key === `screen:${id}`;
  const without = {
    ...state,
    peers,
    order: state.order.filter((other) => other !== id),
    pinned: mine(state.pinned) ? null : state.pinned,
    inspected: state.inspected.filter((key) => !mine(key)),
  };
  if (reason === "rebuilt" || reason === "closed") return without;
  const how = { timeout: "did not come back", kicked: "was removed", replaced: "went on in another tab" };
  return toast(without, `${peer.name} ${Object.entries(how).find(([key]) => key === reason)?.[1] ?? "left"}`);
}

/** @param {State} state @param {Extract<Action, {type: "away"}>} action @returns {State} */
function away(state, { id, away: gone }) {
  const peer = state.peers[id];
  if (!peer || peer.away === gone) return state;
  const now = change(state, id, { away: gone });
  return gone ? now : toast(now, `${peer.name} is back`); // the tile itself tells of who is away
}

/** @param {State} state @param {Extract<Action, {type: "moved"}>} action @returns {State} */
function moved(state, { from, to }) {
  const { [from]: peer, ...peers } = state.peers;
  if (!peer || from === to) return state;
  const rename = (/** @type {string} */ key) =>
    key.replace(/^(peer|screen):(.*)$/s, (all, kind, id) => (id === from ? `${kind}:${to}` : all));
  return {
    ...state,
    peers: { ...peers, [to]: { ...peer, id: to } },
    order: state.order.filter((id) => id !== to).map((id) => (id === from ? to : id)),
    pinned: state.pinned && rename(state.pinned),
    inspected: state.inspected.map(rename),
    chat: state.chat.map((line) => (line.from === from ? { ...line, from: to } : line)),
  };
}

/** @param {readonly string[]} list @param {string} entry */
function toggled(list, entry) {
  return list.includes(entry) ? list.filter((other) => other !== entry) : [...list, entry];
}

/** @param {State} state @param {Panel | null} asked the one that is open: it is closed @returns {State} */
function panel(state, asked) {
  const open = asked === state.panel ? null : asked;
  if (open !== "chat") return { ...state, panel: open };
  return { ...state, panel: open, unread: 0, toasts: state.toasts.filter(({ chat }) => !chat) };
}

/** @param {State} state @param {Extract<Action, {type: "said"}>} action @returns {State} */
function said(state, { from, text, time }) {
  const name = from === "" ? state.name : (state.peers[from]?.name ?? "Somebody");
  /** @type {Line} */
  const line = { id: state.counter, from, name, text, time };
  const seen = state.panel === "chat" || from === "";
  const kept = {
    ...state,
    counter: state.counter + 1,
    chat: [...state.chat, line].slice(-LINES),
    unread: seen ? state.unread : state.unread + 1,
  };
  return seen ? kept : toast(kept, `${name}: ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`, "calm", true);
}

/** @param {State} state @param {string} text @param {Toast["tone"]} [tone] @param {boolean} [chat] @returns {State} */
function toast(state, text, tone = "calm", chat = false) {
  const toasts = state.toasts.filter((shown) => shown.text !== text);
  return {
    ...state,
    counter: state.counter + 1,
    toasts: [...toasts, { id: state.counter, text, tone, chat }].slice(-TOASTS),
  };
}
