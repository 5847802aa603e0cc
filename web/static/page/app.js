import { address, roomAddress, roomOf } from "./addresses.js";
import { enter } from "./call.js";
import { LocalMedia } from "./media/local.js";
import { openScreen } from "./media/screen.js";
import { recall, remember } from "./remember.js";
import { initial } from "./state.js";
import { Store } from "./store.js";
import { codeOf } from "./words.js";

/** @import { Call } from "./call.js" */
/** @import { Which } from "./media/local.js" */
/** @import { Panel, State } from "./types.js" */

const SLOW = 3000; // ms after which a join that is still under way is spoken of

/** What a person can do, as methods. Views call them; whatever comes of it, they see in the state. */
export class App {
  #store = new Store(initial(recall()));
  /** @type {AbortController | null} */
  #joining = null;
  /** What was asked for at the door of this room. It is kept nowhere. @type {import("./call.js").Secrets} */
  #secrets = {};
  /** @type {Call | null} */
  call = null;
  media;

  constructor() {
    this.media = new LocalMedia(this.dispatch, () => this.state);
    this.subscribe((state) => {
      remember(state);
      this.call?.announce(state);
      document.documentElement.dataset.screen = state.screen;
      if (state.screen === "after" && this.call) this.#over();
    });
    addEventListener("popstate", () => this.arrive());
    addEventListener("pagehide", (event) => event.persisted || this.media.stop());
  }

  get state() {
    return this.#store.state;
  }

  get dispatch() {
    return this.#store.dispatch;
  }

  /** @param {(state: State) => void} draw */
  subscribe(draw) {
    this.#store.subscribe(draw);
  }

  /** Shows what the address bar says. */
  arrive() {
    const room = roomOf(location.pathname);
    this.#quit();
    this.#secrets = {};
    this.dispatch({ type: "went", screen: room ? "green" : "landing", room });
    if (room) void this.prepare();
    else this.media.stop();
  }

  /** @param {string} room */
  visit(room) {
    history.pushState(null, "", roomAddress(room));
    this.arrive();
  }

  home() {
    history.pushState(null, "", address("./"));
    this.arrive();
  }

  /** Opens camera and microphone, where this page may. */
  async prepare() {
    if (!("RTCPeerConnection" in globalThis)) this.dispatch({ type: "trouble", code: "webrtc" });
    else if (!globalThis.isSecureContext) this.dispatch({ type: "trouble", code: "insecure" });
    await this.media.start();
    if (this.state.screen !== "green" && this.state.screen !== "room") this.media.stop(); // gone meanwhile
  }

  /** @param {import("./types.js").Secret} which @param {string} text */
  tell(which, text) {
    this.#secrets = { ...this.#secrets, [which]: text };
  }

  async join() {
    if (this.state.connection !== "idle") return;
    const { room, name } = this.state;
    const joining = new AbortController();
    this.#joining = joining;
    this.dispatch({ type: "joining" });
    const slow = setTimeout(() => this.#say("The server has not answered yet. Still trying."), SLOW);
    try {
      const { media, dispatch } = this;
      const secrets = this.#secrets;
      this.call = await enter({
        room,
        name,
        secrets,
        media,
        dispatch,
        state: () => this.state,
        signal: joining.signal,
      });
    } catch (error) {
      if (joining.signal.aborted) return;
      const code = codeOf(/** @type {{code?: string, closeCode?: number}} */ (error));
      this.dispatch({ type: "trouble", code: code === "unreachable" ? await diagnose() : code });
    } finally {
      clearTimeout(slow);
    }
  }

  /** @param {string} text that calls for attention */
  #say(text) {
    this.dispatch({ type: "toast", text, tone: "warn" });
  }

  #quit() {
    this.#joining?.abort();
    this.#joining = null;
    const { call } = this;
    this.call = null;
    void call?.leave();
  }

  /** The call has ended by itself. */
  #over() {
    this.call = null;
    this.#joining = null;
    this.media.stop();
  }

  leave() {
    const ended = this.call;
    this.#quit();
    if (ended) this.dispatch({ type: "ended", now: Date.now() });
    this.media.stop();
  }

  rejoin() {
    this.dispatch({ type: "went", screen: "green", room: this.state.room });
    void this.prepare();
  }

  /** @param {Which} which @param {boolean} [on] else the other way round */
  turn(which, on = !this.state[which].on) {
    return this.media.turn(which, on);
  }

  /** @param {Which | "speaker"} which @param {string} id */
  async choose(which, id) {
    this.dispatch({ type: "chosen", which, id });
    if (which !== "speaker") await this.media.reopen(which);
  }

  async share() {
    const { call } = this;
    if (!call) return;
    if (this.state.sharing !== null) {
      call.shareScreen(null);
      return;
    }
    try {
      const stream = await openScreen();
      if (!stream || this.call !== call) return;
      stream.getVideoTracks()[0]?.addEventListener("ended", () => call.shareScreen(null));
      call.shareScreen(stream);
    } catch {
      this.#say("There is no screen to share here, or the system does not allow it.");
    }
  }

  /** @param {string} text */
  say(text) {
    try {
      this.call?.say(text);
    } catch {
      this.#say("That was not sent: the server takes no more for now.");
    }
  }

  /** @param {Panel | null} panel */
  open(panel) {
    this.dispatch({ type: "panel", panel });
  }
}

/** Finds out why no socket opens: the server may answer all the same. @returns {Promise<"socket" | "unreachable">} */
async function diagnose() {
  try {
    const answer = await fetch(address("healthz"), { cache: "no-store" });
    return answer.ok ? "socket" : "unreachable";
  } catch {
    return "unreachable";
  }
}
