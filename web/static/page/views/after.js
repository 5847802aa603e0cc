import { h, write } from "../dom.js";
import { wordsOf } from "../words.js";
import { remedies } from "./trouble.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */

/** @param {number} ms @returns {string} in words */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const count = (/** @type {number} */ n, /** @type {string} */ unit) =>
    n === 0 ? [] : [`${n} ${unit}${n === 1 ? "" : "s"}`];
  const said = [...count(hours, "hour"), ...count(minutes, "minute")];
  return said.length > 0 ? said.join(" ") : `${seconds} second${seconds === 1 ? "" : "s"}`;
}

/**
 * @param {App} app
 * @returns {View}
 */
export function afterView(app) {
  const title = h("h1", { tabindex: -1 });
  const text = h("p", { class: "lead" });
  const actions = h("p", { class: "actions" });
  const element = h("main", { class: "doors after" }, title, text, actions);
  let drawn = "";
  return {
    element,
    draw(state) {
      const words = state.trouble && wordsOf(state.trouble.code);
      const took = `You spent ${duration(state.endedAt - state.startedAt)} in the room ${state.room}.`;
      write(title, words?.title ?? "You have left the call");
      write(text, words ? `${words.text} ${took}` : took);
      const key = `${state.trouble?.code}${state.endedAt}`;
      if (drawn === key) return;
      drawn = key;
      actions.replaceChildren(...remedies(app, words?.remedies ?? ["retry", "back"], "Rejoin"));
    },
  };
}
