import { h, set } from "../dom.js";
import { icon } from "../icons.js";

/** @import { App } from "../app.js" */
/** @import { Icon } from "../icons.js" */
/** @import { Which } from "../media/local.js" */
/** @import { View } from "../main.js" */

/**
 * A round button with a picture on it.
 * @param {Icon} picture
 * @param {string} name
 * @param {() => void} press
 * @param {string} [className]
 */
export function roundButton(picture, name, press, className = "round") {
  return h(
    "button",
    { type: "button", class: className, "aria-label": name, title: name, onclick: press },
    icon(picture),
  );
}

/** @type {Readonly<Record<Which, {name: string, key: string, on: Icon, off: Icon, mute: string, unmute: string}>>} */
const SOURCES = Object.freeze({
  mic: { name: "Microphone", key: "m", on: "mic", off: "micOff", mute: "Mute", unmute: "Unmute" },
  camera: {
    name: "Camera",
    key: "v",
    on: "camera",
    off: "cameraOff",
    mute: "Stop the camera",
    unmute: "Start the camera",
  },
});

/**
 * The switch of the microphone or the camera: pressed while it is on.
 * @param {App} app
 * @param {Which} which
 * @returns {View}
 */
export function sourceButton(app, which) {
  const { name, key, on, off, mute, unmute } = SOURCES[which];
  const pictures = [icon(on), icon(off)];
  const element = h("button", {
    type: "button",
    class: "round source",
    "aria-label": name,
    "aria-keyshortcuts": key,
    onclick: () => void app.turn(which),
  });
  return {
    element,
    draw(state) {
      const source = state[which];
      const [shown, other] = source.on ? pictures : [...pictures].reverse();
      if (shown && shown.parentNode !== element) {
        other?.remove();
        element.append(shown);
      }
      set(element, {
        "aria-pressed": String(source.on),
        "aria-busy": source.busy ? "true" : null,
        "data-state": source.problem ? "problem" : source.on ? "on" : "off",
        title: `${source.on ? mute : unmute} (${key.toUpperCase()})`,
      });
    },
  };
}
