import { h } from "../dom.js";
import { icon } from "../icons.js";
import { initials, tint } from "../names.js";
import { PATHS } from "../words.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */
/** @import { State } from "../types.js" */

/**
 * @param {App} app
 * @returns {View}
 */
export function peopleView(app) {
  const list = h("ul", { class: "people" });
  const invite = h(
    "button",
    { type: "button", class: "primary", onclick: () => app.open("invite") },
    icon("invite"),
    "Invite",
  );
  const element = h("div", { class: "stack" }, list, h("p", { class: "actions" }, invite));
  let drawn = "";
  return {
    element,
    draw(state) {
      const rows = rowsOf(state);
      const text = JSON.stringify(rows);
      if (text === drawn) return;
      drawn = text;
      list.replaceChildren(...rows.map(entry));
    },
  };
}

/** @typedef {{name: string, note: string, muted: boolean, dark: boolean}} Row */

/** @param {State} state @returns {Row[]} */
function rowsOf({ name, mic, camera, order, peers, sharing }) {
  const own = {
    name: name ? `${name} (you)` : "You",
    note: sharing === null ? "" : "Sharing the screen",
    muted: !mic.on,
    dark: !camera.on,
  };
  const others = order.flatMap((id) => {
    const peer = peers[id];
    if (!peer) return [];
    const note = peer.away ? "Connection lost, waiting" : peer.screen ? "Sharing the screen" : PATHS[peer.path];
    return [{ name: peer.name, note, muted: peer.mic === false, dark: peer.camera === false }];
  });
  return [own, ...others];
}

/** @param {Row} row */
function entry({ name, note, muted, dark }) {
  return h(
    "li",
    {},
    h(
      "span",
      { class: "face", "data-tint": String(tint(name)), "aria-hidden": "true" },
      initials(name.replace(/ \(you\)$/u, "")),
    ),
    h("span", { class: "whom" }, h("bdi", {}, name), note !== "" && h("small", {}, note)),
    muted && h("span", { role: "img", "aria-label": "microphone off" }, icon("micOff")),
    dark && h("span", { role: "img", "aria-label": "camera off" }, icon("cameraOff")),
  );
}
