/**
 * What the client uses of its surroundings. Everything can be given in its place, for tests and for runtimes that lack it.
 * @typedef {object} Environment
 * @property {typeof globalThis.WebSocket} WebSocket
 * @property {typeof globalThis.RTCPeerConnection} RTCPeerConnection
 * @property {(ms: number, run: () => void) => () => void} after runs something later; what it returns prevents it
 * @property {() => number} now ms, of a clock that goes on while the machine sleeps
 * @property {() => number} random in [0, 1), for waits
 * @property {() => string} secret 32 random characters that nobody can guess
 * @property {EventTarget | undefined} page where online, pagehide and their like are heard
 * @property {{readonly visibilityState: string} & EventTarget | undefined} document
 * @property {Pick<Storage, "getItem" | "setItem"> | undefined} storage of the tab
 * @property {Pick<LockManager, "request"> | undefined} locks
 */

/** The longest wait that timers know: more would be none. */
const LONGEST = 2 ** 31 - 1;

/**
 * @param {Partial<Environment>} [given]
 * @returns {Environment}
 */
export function environment(given = {}) {
  return {
    WebSocket: globalThis.WebSocket,
    RTCPeerConnection: globalThis.RTCPeerConnection,
    after: (ms, run) => {
      const timer = setTimeout(run, Math.min(ms, LONGEST));
      return () => clearTimeout(timer);
    },
    now: () => Date.now(),
    random: () => Math.random(),
    secret,
    page: typeof globalThis.addEventListener === "function" ? globalThis : undefined,
    document: globalThis.document,
    storage: tabStorage(),
    locks: globalThis.navigator?.locks,
    ...given,
  };
}

function secret() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** A browser that is told to keep nothing throws already when it is asked. */
function tabStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}

/** One timer that is set anew at will. */
export class Timer {
  #env;
  #run;
  /** @type {(() => void) | null} */
  #cancel = null;

  /**
   * @param {Pick<Environment, "after">} env
   * @param {() => void} run
   */
  constructor(env, run) {
    this.#env = env;
    this.#run = run;
  }

  get running() {
    return this.#cancel !== null;
  }

  /** @param {number} ms Infinity: never */
  set(ms) {
    this.stop();
    if (ms === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#env.after(Math.max(0, ms), () => {
      this.#cancel = null;
      this.#run();
    });
  }

  stop() {
    this.#cancel?.();
    this.#cancel = null;
  }
}

/** A promise that is settled from outside. */
export function deferred() {
  /** @type {() => void} */
  let resolve = () => {};
  /** @type {(reason?: unknown) => void} */
  let reject = () => {};
  /** @type {Promise<void>} */
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
