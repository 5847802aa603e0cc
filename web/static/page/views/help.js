import { h } from "../dom.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */

const KEYS = [
  ["M", "Microphone on or off"],
  ["V", "Camera on or off"],
  ["S", "Share the screen, or stop"],
  ["C", "Chat"],
  ["P", "People"],
  ["?", "This list"],
  ["Space", "Hold to talk while muted"],
  ["Esc", "Close what is open"],
];

/**
 * @param {App} _app
 * @returns {View}
 */
export function helpView(_app) {
  const rows = KEYS.flatMap(([key = "", what = ""]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]);
  return { element: h("div", { class: "stack" }, h("dl", { class: "keys" }, ...rows)), draw() {} };
}
