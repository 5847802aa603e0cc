/**
 * How to join a room. Only `room` is needed.
 * @typedef {object} JoinOptions
 * @property {string} room
 * @property {string | URL | (() => string | URL | Promise<string | URL>)} [url] of the server's endpoint, wss://host/ws; a function is
 *   asked before every connection. Default: /ws beside the folder that this module was loaded from
 * @property {string} [name] what the others see
 * @property {Record<string, unknown>} [metadata] what the others see
 * @property {string | (() => string | Promise<string>)} [token] a join token; a function is asked before every join, so that one that
 *   has ended is never sent again
 * @property {string} [password]
 * @property {string} [identity] a secret of 22 to 128 random characters that says, for this room, that two joins are by the same user.
 *   Default: one that the tab keeps
 * @property {AbortSignal} [signal] gives the first join up
 * @property {number} [patience] for how many ms the first join is tried again through passing troubles; default 10,000
 * @property {RTCConfiguration} [rtc] for the RTCPeerConnections; its iceServers count only while the server gives none
 * @property {boolean} [reports] whether the server is told how calls went; default true
 * @property {Partial<import("./environment.js").Environment>} [environment] in place of the browser's own
 */

/** @type {Readonly<Record<string, string>>} */
const SOCKETS = { "http:": "ws:", "https:": "wss:" };

/**
 * @param {string | URL} given absolute, or relative to the page; http stands for ws
 * @returns {string}
 */
export function socketURL(given) {
  const url = new URL(given, globalThis.location?.href);
  url.protocol = SOCKETS[url.protocol] ?? url.protocol;
  if (url.protocol !== "ws:" && url.protocol !== "wss:")
    throw new TypeError("the url must be of the form wss://host/ws");
  if (url.username || url.password) throw new TypeError("the url must not hold a user name or a password");
  url.hash = "";
  return url.href;
}

/**
 * The endpoint of the server that this module came from: the client's folder lies beside it, under the same base path.
 * @returns {URL}
 */
function besideThisModule() {
  const url = new URL("../ws", import.meta.url);
  if (!(url.protocol in SOCKETS))
    throw new TypeError("a url is needed where the client was not loaded from a Parley server");
  return url;
}

/**
 * @param {JoinOptions} options
 * @returns {() => Promise<string>} gives the address for a connection
 */
export function addressOf({ url = besideThisModule() }) {
  if (typeof url === "function") return async () => socketURL(await url());
  const address = socketURL(url);
  return async () => address;
}
