/**
 * @typedef {"retry" | "back" | "https" | "authority" | "test" | "reload"} Remedy what a button offers
 * @typedef {{title: string, text: string, remedies?: readonly Remedy[]}} Words
 */

/** Everything that can be the matter, by code: the server's, the client's and the page's own. @type {Readonly<Record<string, Words>>} */
const TABLE = Object.freeze({
  "room-full": {
    title: "This room is full",
    text: "Nobody else fits in just now. Try again when somebody has left.",
    remedies: ["retry", "back"],
  },
  "room-closed": {
    title: "This room is locked",
    text: "It takes nobody new in just now. Try again when it is open.",
    remedies: ["retry", "back"],
  },
  "room-ended": {
    title: "This room was closed",
    text: "Whoever runs it has ended it for everyone.",
    remedies: ["back"],
  },
  "room-unknown": { title: "There is no such room", text: "The link may be old or mistyped.", remedies: ["back"] },
  replaced: {
    title: "The call goes on in another tab",
    text: "You joined this room from somewhere else, so it ended here.",
    remedies: ["retry", "back"],
  },
  kicked: {
    title: "You were removed from the room",
    text: "Somebody who may do so has ended your stay.",
    remedies: ["back"],
  },
  unauthorized: {
    title: "You may not enter this room",
    text: "It needs an invitation. If you were given one, enter it above your name.",
    remedies: ["back"],
  },
  "token-expired": {
    title: "Your invitation has ended",
    text: "Ask for a new one, and enter it to go on.",
    remedies: ["retry", "back"],
  },
  forbidden: {
    title: "This room does not let you in",
    text: "If it has a password, enter it. Otherwise ask whoever runs it.",
    remedies: ["back"],
  },
  overloaded: {
    title: "The server is very busy",
    text: "It takes nobody in for the moment. Try again in a little while.",
    remedies: ["retry"],
  },
  "rate-limited": {
    title: "Too much at once",
    text: "The server asks for a pause. Try again in a few seconds.",
    remedies: ["retry"],
  },
  unreachable: {
    title: "The server can’t be reached",
    text: "Check your own connection, then try again.",
    remedies: ["retry"],
  },
  socket: {
    title: "The browser does not connect",
    text: "The server is there, but the browser opens no secure socket to it. With a development certificate that is the usual reason: trust the server’s authority once, then reload. A proxy that does not pass WebSockets on has the same effect.",
    remedies: ["authority", "retry"],
  },
  draining: { title: "The server is restarting", text: "The call goes on meanwhile.", remedies: [] },
  "unsupported-version": {
    title: "This page is out of date",
    text: "The server speaks a newer protocol. Reload the page.",
    remedies: ["reload"],
  },
  protocol: {
    title: "The server said something unexpected",
    text: "The page and the server may be of different versions. Reload the page.",
    remedies: ["reload"],
  },
  webrtc: {
    title: "This browser has no WebRTC",
    text: "It is switched off, perhaps by an extension or a policy. Try without it, or with another browser.",
    remedies: ["reload"],
  },
  insecure: {
    title: "This page is not secure",
    text: "Browsers give camera and microphone only to pages that come over HTTPS. Open the secure address.",
    remedies: ["https"],
  },
  ended: { title: "The call has ended", text: "The connection was closed.", remedies: ["retry", "back"] },
});

/** What a close code means where no error was told with it. @type {Readonly<Record<number, string>>} */
const CLOSED = Object.freeze({
  4501: "replaced",
  4503: "kicked",
  4504: "room-ended",
  4500: "unauthorized",
  4505: "protocol",
  4506: "unsupported-version",
  4507: "rate-limited",
  4102: "token-expired",
});

/**
 * @param {{code?: unknown, closeCode?: unknown} | null | undefined} error
 * @returns {string} a key of the table
 */
export function codeOf(error) {
  const code = String(error?.code ?? "");
  if (Object.hasOwn(TABLE, code)) return code;
  return CLOSED[Number(error?.closeCode)] ?? "ended";
}

/** @param {string} code @returns {Words} */
export function wordsOf(code) {
  return (
    (Object.hasOwn(TABLE, code) && TABLE[code]) || {
      title: "Something went wrong",
      text: "Try again.",
      remedies: ["retry", "back"],
    }
  );
}

/** @type {Readonly<Record<import("./types.js").Path, string>>} */
export const PATHS = Object.freeze({
  connecting: "Connecting",
  direct: "Direct",
  relayed: "Relayed",
  failed: "No connection",
});

/** @param {string} name @param {boolean} relay whether the server has one */
export function unreachablePeer(name, relay) {
  return relay
    ? `Can’t reach ${name}, not even through the relay. Still trying.`
    : `Can’t reach ${name} directly, and the server has no relay (TURN) to offer. Still trying.`;
}
