/** @import { Environment } from "./environment.js" */

/** How long, in ms, a page that was reloaded waits for the one before to be gone. */
const HANDOVER = 500;

/**
 * A secret that says, for one room, that two joins are by the same user.
 * @typedef {{identity: string, release: () => void}} Claim
 */

/**
 * Gives the identity that this tab has for a room. It outlives a reload. A duplicated tab begins with a copy of the storage: there a
 * lock that the first one holds tells the two apart, and the duplicate gets an identity of its own. Where there are no locks
 * a duplicate can't be told, and every page load is somebody new.
 *
 * @param {Environment} env
 * @param {string} room
 * @returns {Promise<Claim>}
 */
export async function claimIdentity(env, room) {
  const key = `parley:${room}`;
  const kept = recall(env, key);
  if (kept) {
    const release = await hold(env, kept.lock);
    if (release) return { identity: kept.identity, release };
  }
  const made = { identity: env.secret(), lock: env.secret() };
  const release = await hold(env, made.lock);
  if (release) keep(env, key, made);
  return { identity: made.identity, release: release ?? (() => {}) };
}

/**
 * @param {Environment} env
 * @param {string} key
 * @returns {{identity: string, lock: string} | undefined}
 */
function recall(env, key) {
  try {
    const { identity, lock } = JSON.parse(env.storage?.getItem(key) ?? "{}");
    return typeof identity === "string" && typeof lock === "string" ? { identity, lock } : undefined;
  } catch {
    return undefined; // somebody else's, or a storage that may not be read
  }
}

/**
 * @param {Environment} env
 * @param {string} key
 * @param {{identity: string, lock: string}} made
 */
function keep(env, key, made) {
  try {
    env.storage?.setItem(key, JSON.stringify(made));
  } catch {
    // A storage that is full or may not be written: then the next page load is somebody new.
  }
}

/**
 * @param {Environment} env
 * @param {string} name not the identity itself, because the page's other scripts can list the locks
 * @returns {Promise<(() => void) | undefined>} gives the lock back; undefined where somebody else holds it
 */
function hold(env, name) {
  const { locks } = env;
  if (!locks) return Promise.resolve(undefined);
  const waiting = new AbortController();
  const cancel = env.after(HANDOVER, () => waiting.abort());
  return new Promise((resolve) => {
    const held = () =>
      new Promise((/** @type {(value?: undefined) => void} */ release) => {
        cancel();
        resolve(() => release());
      });
    locks.request(`parley:${name}`, { signal: waiting.signal }, held).catch(() => {
      cancel();
      resolve(undefined);
    });
  });
}
