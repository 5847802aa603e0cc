import { fill, h, set, write } from "../dom.js";
import { wordsOf } from "../words.js";
import { barView } from "./bar.js";
import { knocksView } from "./knocks.js";
import { panelView } from "./panel.js";
import { stageView } from "./stage.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */
/** @import { State } from "../types.js" */

/**
 * The call: what is said about it above, tiles, a panel beside them, and the bar below.
 * @param {App} app
 * @returns {View}
 */
export function roomView(app) {
  const parts = [statusView(app), stageView(app), panelView(app), barView(app)];
  const element = h("main", { class: "room" }, ...parts.map((part) => part.element));
  return {
    element,
    draw(state) {
      set(element, { "data-panel": state.panel ?? "none", "data-state": state.connection });
      for (const part of parts) part.draw(state);
    },
  };
}

/** @param {App} app @returns {View} */
function statusView(app) {
  const title = h("h1", { tabindex: -1 });
  const count = h("p", { class: "count" });
  const banner = h("div", { class: "banner", role: "status" });
  const knocks = knocksView(app);
  const where = h("div", { class: "where" }, title, count);
  const element = h("header", { class: "status" }, where, banner, knocks.element);
  let drawn = "";
  return {
    element,
    draw(state) {
      knocks.draw(state);
      write(title, state.room);
      const people = state.order.length + 1;
      write(count, people === 1 ? "Only you" : `${people} people`);
      const key = `${state.connection} ${state.draining} ${state.sharing !== null} ${state.trouble?.code}`;
      if (key === drawn) return;
      drawn = key;
      fill(banner, ...bannerOf(app, state));
      set(banner, { hidden: banner.childNodes.length === 0 });
    },
  };
}

/** @param {App} app @param {State} state @returns {(HTMLElement | string)[]} */
function bannerOf(app, { connection, draining, sharing, trouble }) {
  const lines = [];
  if (trouble) lines.push(h("p", { "data-state": trouble.code }, wordsOf(trouble.code).title));
  if (draining) {
    lines.push(h("p", { "data-state": "draining" }, "The server is restarting. The call goes on."));
  } else if (connection === "reconnecting") {
    lines.push(h("p", { "data-state": "reconnecting" }, "Reconnecting to the server. The call goes on."));
  }
  if (sharing !== null) {
    const stop = h("button", { type: "button", onclick: () => void app.share() }, "Stop sharing");
    lines.push(h("p", { "data-state": "sharing" }, "You are sharing your screen", stop));
  }
  return lines;
}
