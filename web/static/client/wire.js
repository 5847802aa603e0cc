import { violation } from "./codes.js";

/** @import { ServerMessage } from "./types.js" */

export const SUBPROTOCOL = "parley.v1";

/** @typedef {(value: unknown) => boolean} Check */

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @type {Check} */
const string = (value) => typeof value === "string";
/** @type {Check} */
const id = (value) => typeof value === "string" && value !== "";
/** @type {Check} */
const boolean = (value) => typeof value === "boolean";
/** @type {Check} */
const integer = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
/** @type {Check} */
const number = (value) => Number.isSafeInteger(value) && Number(value) >= 1;
/** @type {(check: Check) => Check} */
const optional = (check) => (value) => value === undefined || check(value);
/** @type {(check: Check) => Check} */
const nullable = (check) => (value) => value === null || check(value);
/** @type {(check: Check) => Check} */
const list = (check) => (value) => Array.isArray(value) && value.every(check);
/** @type {(shape: Record<string, Check>) => Check} */
const shaped = (shape) => (value) => isObject(value) && misfit(value, shape) === undefined;

/**
 * @param {Record<string, unknown>} value
 * @param {Record<string, Check>} shape
 * @returns {string | undefined} the first member that is not as it must be
 */
function misfit(value, shape) {
  return Object.keys(shape).find((name) => !shape[name]?.(value[name]));
}

const PEER = {
  peer: id,
  name: optional(string),
  metadata: optional(isObject),
  polite: boolean,
  away: optional(boolean),
};
const ICE_SERVER = {
  urls: (/** @type {unknown} */ value) => string(value) || list(string)(value),
  username: optional(string),
  credential: optional(string),
};
const ICE_SERVERS = { iceServers: list(shaped(ICE_SERVER)), iceServersExpire: optional(integer) };
const LIMITS = { message: integer, rate: integer, burst: integer, peers: integer, unacknowledged: integer };
const WELCOME = {
  room: string,
  peer: id,
  session: id,
  grace: integer,
  peers: list(shaped(PEER)),
  ...ICE_SERVERS,
  heartbeat: integer,
  limits: shaped(LIMITS),
};

/** @type {Record<string, Record<string, Check>>} */
const SHAPES = {
  joined: WELCOME,
  resumed: { ...WELCOME, received: integer, complete: boolean },
  offer: { from: id, sdp: optional(string) },
  answer: { from: id, sdp: optional(string) },
  candidate: { from: id, candidate: optional(nullable((value) => string(value) || isObject(value))) },
  message: { from: string }, // "": the operator
  "peer-joined": PEER,
  "peer-left": { peer: id, reason: string },
  "peer-away": { peer: id },
  "peer-back": { peer: id },
  "peer-updated": { peer: id, name: optional(nullable(string)), metadata: optional(nullable(isObject)) },
  undelivered: { to: id, of: optional(number), code: string },
  "ice-servers": ICE_SERVERS,
  draining: { within: integer },
  error: { code: string, message: string, of: optional(number), retryAfter: optional(integer) },
  ack: { ack: integer },
  pong: {},
  waiting: {},
};

/**
 * Reads a message of the server. Members that are not known are passed over, a type that is not known gives `type: ""`.
 * @param {string} text
 * @returns {ServerMessage}
 * @throws {import("./codes.js").ParleyError} where it breaks the protocol
 */
export function decode(text) {
  /** @type {unknown} */
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw violation("it sent what is not JSON");
  }
  if (!isObject(message) || typeof message.type !== "string") throw violation("it sent a message without a type");
  const { type, seq, ack } = message;
  const shape = Object.hasOwn(SHAPES, type) ? SHAPES[type] : undefined;
  const wrong = misfit(message, { seq: optional(number), ack: optional(integer), ...shape });
  if (wrong !== undefined) throw violation(`"${wrong}" of ${type} is not as it must be`);
  return /** @type {ServerMessage} */ (shape ? message : { type: "", seq, ack, message });
}
