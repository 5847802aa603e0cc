import { h, write } from "../dom.js";
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
  const lock = h(
    "button",
    { type: "button", onclick: () => app.call?.lock(!app.state.locked) },
    icon("lock"),
    h("span", {}, ""),
  );
  const end = h("button", { type: "button", onclick: () => app.call?.endForAll() }, icon("leave"), "End for everyone");
  const locked = h("p", { class: "hint" }, "This room is locked: nobody new gets in.");
  const invite = h(
    "button",
    { type: "button", class: "primary", onclick: () => app.open("invite") },
    icon("invite"),
    "Invite",
  );
  const element = h("div", { class: "stack" }, list, locked, h("p", { class: "actions" }, invite, lock, end));
  let drawn = "";
  return {
    element,
    draw(state) {
      const { may } = state;
      lock.hidden = !may.includes("lock");
      end.hidden = !may.includes("close");
      locked.hidden = !state.locked;
      write(/** @type {HTMLElement} */ (lock.lastElementChild), state.locked ? "Unlock the room" : "Lock the room");
      const rows = rowsOf(state);
      const text = JSON.stringify([rows, may]);
      if (text === drawn) return;
      drawn = text;
      list.replaceChildren(...rows.map((row) => entry(row, may.includes("kick") ? app : null)));
    },
  };
}

/** @typedef {{id: string, name: string, note: string, muted: boolean, dark: boolean}} Row */

/** @param {State} state @returns {Row[]} */
function rowsOf({ name, mic, camera, order, peers, sharing }) {
  const own = {
    id: "",
    name: name ? `${name} (you)` : "You",
    note: sharing === null ? "" : "Sharing the screen",
    muted: !mic.on,
    dark: !camera.on,
  };
  const others = order.flatMap((id) => {
    const peer = peers[id];
    if (!peer) return [];
    const note = peer.away ? "Connection lost, waiting" : peer.screen ? "Sharing the screen" : PATHS[peer.path];
    return [{ id, name: peer.name, note, muted: peer.mic === false, dark: peer.camera === false }];
  });
  return [own, ...others];
}

/** @param {Row} row @param {App | null} host where one may have others leave */
function entry({ id, name, note, muted, dark }, host) {
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
    host && id !== "" && removeButton(host, id, name),
  );
}

/** @param {App} host @param {string} id @param {string} name */
function removeButton(host, id, name) {
  return h(
    "button",
    {
      type: "button",
      class: "remove",
      "aria-label": `Remove ${name}`,
      title: `Remove ${name} from the room`,
      onclick: () => host.call?.kick(id),
    },
    icon("close"),
  );
}
