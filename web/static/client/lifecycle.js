/** @import { Environment } from "./environment.js" */

const TICK = 4000; // ms
const DRIFT = 10_000; // a tick that is late by more means that the machine, or the page, has slept

/**
 * What the page goes through, as far as a connection cares.
 * @typedef {object} Watcher
 * @property {() => void} nudge online, awake or shown again
 * @property {() => void} doubt the network is said to be gone
 * @property {() => void} freeze the page is put by, and may come back as it is
 * @property {() => void} thaw
 * @property {() => void} unload the page is going for good
 */

/**
 * @param {Environment} env
 * @param {Watcher} watcher
 * @returns {() => void} ends the watch
 */
export function watchPage(env, watcher) {
  const { page, document } = env;
  /** @type {readonly (readonly [EventTarget | undefined, string, (event: Event) => void])[]} */
  const listeners = [
    [page, "online", watcher.nudge],
    [page, "offline", watcher.doubt],
    [page, "pageshow", (event) => persisted(event) && watcher.thaw()],
    [page, "pagehide", (event) => (persisted(event) ? watcher.freeze() : watcher.unload())],
    [document, "resume", watcher.nudge],
    [document, "visibilitychange", () => document?.visibilityState === "visible" && watcher.nudge()],
  ];
  for (const [target, type, listener] of listeners) target?.addEventListener(type, listener);
  const stop = page ? watchClock(env, watcher.nudge) : () => {};
  return () => {
    stop();
    for (const [target, type, listener] of listeners) target?.removeEventListener(type, listener);
  };
}

/** @param {Event} event */
function persisted(event) {
  return "persisted" in event && event.persisted === true;
}

/**
 * Tells when the machine has slept: no event does, and timers do not count the time.
 * @param {Environment} env
 * @param {() => void} woken
 */
function watchClock(env, woken) {
  let due = env.now() + TICK;
  let cancel = () => {};
  const tick = () => {
    const late = env.now() - due;
    due = env.now() + TICK;
    cancel = env.after(TICK, tick);
    if (late > DRIFT) woken();
  };
  cancel = env.after(TICK, tick);
  return () => cancel();
}
