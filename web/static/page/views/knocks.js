import { h } from "../dom.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */
/** @import { Knock } from "../types.js" */

/**
 * Those who wait to be let in, for whoever may do so.
 * @param {App} app
 * @returns {View}
 */
export function knocksView(app) {
  const element = h("div", { class: "knocks", role: "status", "aria-live": "polite" });
  /** @type {readonly Knock[]} */
  let drawn = [];
  return {
    element,
    draw({ knocks }) {
      element.hidden = knocks.length === 0;
      if (knocks === drawn) return;
      drawn = knocks;
      element.replaceChildren(...knocks.map((knock) => card(app, knock)));
    },
  };
}

/** @param {App} app @param {Knock} knock */
function card(app, { knock, name }) {
  const button = (/** @type {string} */ text, /** @type {boolean} */ admit, kind = "") =>
    h(
      "button",
      {
        type: "button",
        class: kind,
        "aria-label": `${text} ${name}`,
        onclick: () => app.call?.decide(knock, admit),
      },
      text,
    );
  return h(
    "section",
    { class: "notice" },
    h("p", {}, h("bdi", {}, name), " wants to come in"),
    h("p", { class: "actions" }, button("Admit", true, "primary"), button("Refuse", false)),
  );
}
