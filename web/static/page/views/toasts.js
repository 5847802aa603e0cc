import { h } from "../dom.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */

const SHOWN = { calm: 5000, warn: 9000 }; // ms

/**
 * What has just happened, for the eye and for screen readers.
 * @param {App} app
 * @returns {View}
 */
export function toastView(app) {
  const element = h("div", {
    class: "toasts",
    role: "log",
    "aria-live": "polite",
    "aria-label": "What has just happened",
  });
  /** @type {Map<number, HTMLElement>} */
  const shown = new Map();
  return {
    element,
    draw({ toasts }) {
      for (const [id, toast] of shown) {
        if (toasts.some((each) => each.id === id)) continue;
        toast.remove();
        shown.delete(id);
      }
      for (const { id, text, tone } of toasts) {
        if (shown.has(id)) continue;
        const toast = h("p", { class: "toast", "data-tone": tone }, h("bdi", {}, text));
        shown.set(id, toast);
        element.append(toast);
        setTimeout(() => app.dispatch({ type: "toasted", id }), SHOWN[tone]);
      }
    },
  };
}
