import { h, set, write } from "../dom.js";
import { icon } from "../icons.js";
import { speakThrough } from "../media/speaker.js";
import { initials, tint } from "../names.js";
import { unreachablePeer } from "../words.js";
import { roundButton } from "./buttons.js";
import { factsView } from "./facts.js";

/** @import { App } from "../app.js" */
/** @import { Facts, State } from "../types.js" */
/** @import { Tile } from "../tiles.js" */

const SPEAKING = 0.35; // how loud somebody is who speaks
const HOLD = 600; // ms that the ring stays between words

/** Somebody, or somebody's screen: picture or initials, name, and what one can do with them. */
export class PeerTile extends HTMLElement {
  #app;
  #key;
  #video = h("video", { playsinline: true, autoplay: true });
  #initials = h("div", { class: "initials", "aria-hidden": "true" });
  #note = h("p", { class: "note", role: "status" });
  #name = h("bdi", { class: "name" });
  #muted = h("span", { class: "muted", role: "img", "aria-label": "microphone off" }, icon("micOff"));
  #pin;
  #inspect;
  #facts = factsView();
  #quietSince = 0;
  /** @type {Tile | undefined} */
  tile;

  /** @param {App} app @param {string} key */
  constructor(app, key) {
    super();
    this.#app = app;
    this.#key = key;
    this.#pin = roundButton("pin", "Pin", () => app.dispatch({ type: "pin", key }), "round small");
    this.#inspect = roundButton("facts", "Facts", () => app.dispatch({ type: "inspect", key }), "round small");
    const full = roundButton(
      "full",
      "Full screen",
      () => void this.requestFullscreen?.().catch(() => {}),
      "round small",
    );
    const tools = h("div", { class: "tools" }, this.#pin, this.#inspect, "requestFullscreen" in this && full);
    const plate = h("div", { class: "plate" }, this.#muted, this.#name);
    this.replaceChildren(this.#initials, this.#video, this.#note, plate, this.#facts.element, tools);
    set(this, { role: "listitem", "data-key": key });
    // Where there is no pointer that hovers, a touch shows the tools.
    this.addEventListener("click", (event) => {
      if (!tools.contains(/** @type {Node} */ (event.target))) this.toggleAttribute("data-open");
    });
  }

  /** @param {Tile} tile @param {State} state @param {MediaStream | null} stream */
  draw(tile, state, stream) {
    this.tile = tile;
    const { name, screen } = tile;
    const title = screen ? `${name}’s screen` : name;
    set(this, {
      "aria-label": title,
      "data-kind": screen ? "screen" : "peer",
      "data-state": stateOf(tile),
      "data-path": tile.path,
      "data-away": tile.away,
      "data-pinned": tile.pinned,
      "data-tint": String(tint(name)),
    });
    write(this.#initials, initials(name));
    write(this.#name, title);
    write(this.#note, noteOf(tile, state));
    this.#muted.hidden = !tile.muted;
    set(this.#pin, {
      "aria-pressed": String(tile.pinned),
      "aria-label": `Pin ${title}`,
      title: tile.pinned ? "Unpin" : "Pin",
    });
    set(this.#inspect, {
      "aria-pressed": String(tile.inspected),
      "aria-label": `Facts of ${title}`,
      title: "Facts of the connection",
    });
    this.#facts.element.hidden = !tile.inspected;
    set(this.#video, { "aria-label": title });
    this.#play(stream, state);
  }

  /** @param {MediaStream | null} stream @param {State} state */
  #play(stream, state) {
    const video = this.#video;
    void speakThrough(video, state.chosen.speaker);
    if (video.srcObject === stream) return;
    video.srcObject = stream;
    if (stream) video.play().catch(() => this.#blocked());
  }

  /** The browser wants a touch or a key before it lets anything be heard. */
  #blocked() {
    if (!this.#video.paused) return;
    this.#app.dispatch({ type: "toast", text: "Click anywhere to hear the others.", tone: "warn" });
    const again = () => void this.#video.play().catch(() => {});
    addEventListener("pointerdown", again, { once: true });
    addEventListener("keydown", again, { once: true });
  }

  /** @param {Facts | undefined} facts */
  drawFacts(facts) {
    this.#facts.draw(facts);
  }

  /** @param {number} level */
  hear(level) {
    const now = performance.now();
    if (level >= SPEAKING) this.#quietSince = now;
    this.toggleAttribute("data-speaking", this.#quietSince > 0 && now - this.#quietSince < HOLD);
  }

  disconnectedCallback() {
    this.#video.srcObject = null;
  }

  get key() {
    return this.#key;
  }
}

/** @param {Tile} tile */
function stateOf({ away, path, picture }) {
  if (path === "failed") return "failed";
  if (away) return "away";
  if (path === "connecting") return "connecting";
  return picture ? "picture" : "initials";
}

/** @param {Tile} tile @param {State} state */
function noteOf({ name, away, path, screen }, { relay }) {
  if (screen) return "";
  if (path === "failed") return unreachablePeer(name, relay);
  if (away) return `${name}’s connection was lost. Waiting for ${name}.`;
  return path === "connecting" ? "Connecting…" : "";
}

customElements.define("peer-tile", PeerTile);
