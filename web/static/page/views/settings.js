import { adviceOf, browserOf } from "../devices.js";
import { h } from "../dom.js";
import { devicePickers } from "./pickers.js";

/** @import { App } from "../app.js" */
/** @import { Which } from "../media/local.js" */
/** @import { View } from "../main.js" */

/**
 * Devices during the call.
 * @param {App} app
 * @returns {View}
 */
export function settingsView(app) {
  const pickers = devicePickers(app);
  const problems = h("div", { class: "notices", "aria-live": "polite" });
  const test = h("button", { type: "button", onclick: () => app.media.useTest("camera") }, "Use a test picture");
  const element = h("div", { class: "stack" }, pickers.element, problems, h("p", { class: "actions" }, test));
  const browser = browserOf(navigator.userAgent);
  let drawn = "";
  return {
    element,
    draw(state) {
      pickers.draw(state);
      const found = /** @type {Which[]} */ (["camera", "mic"]).flatMap((which) => {
        const { problem } = state[which];
        return problem ? [adviceOf(which, problem, browser)] : [];
      });
      if (found.join() === drawn) return;
      drawn = found.join();
      problems.replaceChildren(...found.map((text) => h("p", { class: "notice" }, text)));
    },
  };
}
