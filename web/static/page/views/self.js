import { h, set, write } from "../dom.js";
import { icon } from "../icons.js";
import { Levels } from "../media/levels.js";
import { initials } from "../names.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */

/** @typedef {"top-start" | "top-end" | "bottom-end" | "bottom-start"} Corner */

/** Clockwise, in a text that goes from left to right. @type {readonly Corner[]} */
const CORNERS = ["bottom-end", "bottom-start", "top-start", "top-end"];
const SPEAKING = 0.35;

/**
 * The own picture: small and movable while others are there, by dragging or by its button.
 * @param {App} app
 * @returns {View}
 */
export function selfView(app) {
  const video = h("video", { playsinline: true, autoplay: true, class: "mirrored", "aria-label": "Your picture" });
  video.muted = true;
  const letters = h("div", { class: "initials", "aria-hidden": "true" });
  const muted = h("span", { class: "muted", role: "img", "aria-label": "microphone off" }, icon("micOff"));
  const move = h(
    "button",
    { type: "button", class: "round small", "aria-label": "Move your picture to the next corner", title: "Move" },
    icon("move"),
  );
  const plate = h("div", { class: "plate" }, muted, h("span", { class: "name" }, "You"));
  const element = h(
    "div",
    { class: "self", role: "group", "aria-label": "You" },
    letters,
    video,
    plate,
    h("div", { class: "tools" }, move),
  );
  element.dataset.corner = "bottom-end";
  makeMovable(element, move);
  const levels = new Levels();
  /** @type {MediaStreamTrack | null} */
  let shown = null;
  return {
    element,
    draw(state) {
      const track = app.media.track("camera");
      if (track !== shown) video.srcObject = track && new MediaStream([track]);
      shown = track;
      video.hidden = !track;
      muted.hidden = state.mic.on;
      write(letters, initials(state.name || "You"));
      set(element, { "data-state": track ? "picture" : "initials", "data-kind": state.camera.kind });
      levels.watch("self", state.screen === "room" && app.media.track("mic") ? app.media.stream : null, (level) => {
        element.toggleAttribute("data-speaking", level >= SPEAKING);
      });
    },
  };
}

/** @param {HTMLElement} element @param {HTMLButtonElement} button */
function makeMovable(element, button) {
  button.addEventListener("click", () => {
    const at = CORNERS.indexOf(/** @type {Corner} */ (element.dataset.corner));
    element.dataset.corner = CORNERS[(at + 1) % CORNERS.length];
  });
  /** @type {{x: number, y: number} | null} */
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !floating(element) || /** @type {Element} */ (event.target).closest("button")) return;
    from = { x: event.clientX, y: event.clientY };
    element.setPointerCapture(event.pointerId);
    element.dataset.moving = "";
  });
  element.addEventListener("pointermove", (event) => {
    if (from) element.style.setProperty("translate", `${event.clientX - from.x}px ${event.clientY - from.y}px`);
  });
  const drop = () => {
    if (!from) return;
    from = null;
    element.dataset.corner = nearest(element);
    delete element.dataset.moving;
    element.style.removeProperty("translate");
  };
  element.addEventListener("pointerup", drop);
  element.addEventListener("pointercancel", drop);
}

/** Alone, and beside a large tile, it has its own place. @param {HTMLElement} element */
function floating(element) {
  return element.parentElement?.dataset.state === "together" && !element.hasAttribute("data-docked");
}

/** @param {HTMLElement} element @returns {Corner} */
function nearest(element) {
  const box = element.getBoundingClientRect();
  const around = (element.parentElement ?? element).getBoundingClientRect();
  const right = box.left + box.width / 2 > around.left + around.width / 2;
  const bottom = box.top + box.height / 2 > around.top + around.height / 2;
  const end = right === (getComputedStyle(element).direction === "ltr");
  return `${bottom ? "bottom" : "top"}-${end ? "end" : "start"}`;
}
