import { roomAddress } from "../addresses.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { clean, proposeRoom } from "../names.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */

/**
 * The first page. Its markup is in index.html, so that it is there at once.
 * @param {App} app
 * @returns {View}
 */
export function landingView(app) {
  const element = /** @type {HTMLElement} */ (document.getElementById("landing"));
  const form = /** @type {HTMLFormElement} */ (element.querySelector("form"));
  const visited = /** @type {HTMLElement} */ (element.querySelector("#visited"));
  const list = /** @type {HTMLElement} */ (visited.querySelector("ul"));
  const [name, room] = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input")]);
  if (!name || !room) throw new Error("the page lacks its fields");
  name.value ||= app.state.name;
  room.value ||= proposeRoom();
  element.querySelector("#another")?.addEventListener("click", () => {
    room.value = proposeRoom();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = clean(room.value, "room") || proposeRoom();
    app.dispatch({ type: "named", name: clean(name.value, "name") });
    app.visit(wanted);
  });
  let drawn = "";
  return {
    element,
    draw(state) {
      if (drawn === state.visited.join("\n")) return;
      drawn = state.visited.join("\n");
      visited.hidden = state.visited.length === 0;
      fill(list, ...state.visited.map((each) => entry(app, name, each)));
    },
  };
}

/** @param {App} app @param {HTMLInputElement} name @param {string} room */
function entry(app, name, room) {
  const visit = (/** @type {Event} */ event) => {
    event.preventDefault();
    app.dispatch({ type: "named", name: clean(name.value, "name") });
    app.visit(room);
  };
  return h("li", {}, h("a", { href: roomAddress(room).href, onclick: visit }, h("bdi", {}, room), icon("arrow")));
}
