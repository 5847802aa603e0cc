/**
 * The connection's life as a table, without side effects: status × event → next status and what is to be done. socket.js
 * carries the effects out. What the table does not name changes nothing.
 *
 * @typedef {"idle" | "opening" | "entering" | "knocking" | "open" | "checking" | "waiting" | "frozen" | "returning"
 *   | "parting" | "leaving" | "closed"} Status
 * idle: not begun. opening: a socket is being opened. entering: join or resume was sent. knocking: somebody in the room has to
 * admit us. open: in the room. checking: in the room, and a sign of life is awaited. waiting: for the next attempt. frozen: the
 * page is put by. returning, parting: as opening and entering, in order to leave. leaving: `leave` is on its way. closed: over.
 *
 * @typedef {"start" | "opened" | "welcomed" | "knock" | "renew" | "heard" | "doubt" | "nudge" | "timer" | "move" | "lost" | "gone"
 *   | "stop" | "done" | "freeze" | "thaw" | "leave" | "part" | "unload" | "end"} Event
 * welcomed: joined or resumed has come. renew: the session cannot be resumed. heard: something came. doubt: the network says it
 * is gone. nudge: online, awake or shown again. timer: the status has lasted its time. move: the server is draining. lost, gone,
 * stop, done: the connection has ended with the action resume, join, stop, done. part: leave, where the server still has the session.
 * unload: the page is going. end: close at once.
 *
 * @typedef {"dial" | "drop" | "enter" | "forget" | "retry" | "live" | "ping" | "leave" | "farewell" | "finish"} Effect
 * drop: close the socket, if there is one, and hear no more of it. enter: send resume, or join where there is nothing to resume.
 * forget: the session is over. retry: choose a wait. live: send what waits. leave: send what waits, then leave. farewell: say leave
 * now and close. finish: tell the end.
 *
 * @typedef {Readonly<Partial<Record<Event, readonly [Status, ...Effect[]]>>>} Row
 */

/** @type {readonly [Status, ...Effect[]]} */
const OVER = ["closed", "drop", "finish"];

/** @type {Row} */
const ENDS = { stop: OVER, done: OVER, leave: OVER, unload: OVER, end: OVER, freeze: ["frozen", "drop"] };

/** @type {Row} */
const FAILS = {
  lost: ["waiting", "drop", "retry"],
  gone: ["waiting", "drop", "forget", "retry"],
  timer: ["waiting", "drop", "retry"],
};

/** @type {Row} */
const PARTING = { ...ENDS, freeze: OVER, lost: OVER, gone: OVER, timer: OVER };

/** @type {Row} */
const LIVE = {
  ...ENDS,
  lost: FAILS.lost,
  gone: FAILS.gone,
  move: ["opening", "drop", "dial"],
  leave: ["leaving", "leave"],
  unload: ["closed", "farewell", "finish"],
};

/** @type {Readonly<Record<Status, Row>>} */
export const TABLE = Object.freeze({
  idle: { start: ["opening", "dial"], leave: OVER, unload: OVER, end: OVER },
  opening: { ...ENDS, ...FAILS, opened: ["entering", "enter"], part: ["returning"] },
  entering: {
    ...ENDS,
    ...FAILS,
    welcomed: ["open", "live"],
    knock: ["knocking"],
    renew: ["entering", "forget", "enter"],
    part: ["parting"],
  },
  knocking: { ...ENDS, ...FAILS, welcomed: ["open", "live"] },
  open: { ...LIVE, timer: ["checking", "ping"], doubt: ["checking", "ping"], nudge: ["checking", "ping"] },
  checking: { ...LIVE, heard: ["open"], timer: FAILS.timer },
  waiting: { ...ENDS, timer: ["opening", "dial"], nudge: ["opening", "dial"], part: ["returning", "dial"] },
  frozen: { leave: OVER, unload: OVER, end: OVER, thaw: ["opening", "dial"], part: ["returning", "dial"] },
  returning: { ...PARTING, opened: ["parting", "enter"] },
  parting: { ...PARTING, welcomed: ["leaving", "leave"], renew: OVER },
  leaving: {
    lost: OVER,
    gone: OVER,
    stop: OVER,
    done: OVER,
    end: OVER,
    timer: ["closed", "farewell", "finish"],
    unload: ["closed", "farewell", "finish"],
    freeze: ["closed", "farewell", "finish"],
  },
  closed: {},
});

/** In which it is over but for the leaving. @type {ReadonlySet<Status>} */
export const LEAVING = new Set(["returning", "parting", "leaving"]);

/**
 * @param {Status} status
 * @param {Event} event
 * @returns {{status: Status, effects: readonly Effect[]}}
 */
export function next(status, event) {
  const [to, ...effects] = TABLE[status][event] ?? [status];
  return { status: to, effects };
}
