import { h, set, write } from "../dom.js";
import { roundButton } from "./buttons.js";
import { chatView } from "./chat.js";
import { helpView } from "./help.js";
import { inviteView } from "./invite.js";
import { peopleView } from "./people.js";
import { settingsView } from "./settings.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */
/** @import { Panel } from "../types.js" */

/** @type {Readonly<Record<Panel, {title: string, make: (app: App) => View}>>} */
const PANELS = Object.freeze({
  chat: { title: "Chat", make: chatView },
  people: { title: "People", make: peopleView },
  invite: { title: "Invite", make: inviteView },
  settings: { title: "Settings", make: settingsView },
  help: { title: "Shortcuts", make: helpView },
});

/**
 * The place beside the tiles where one thing at a time is shown.
 * @param {App} app
 * @returns {View}
 */
export function panelView(app) {
  const title = h("h2", { id: "panel-title", tabindex: -1 });
  const body = h("div", { class: "body" });
  const close = roundButton("close", "Close", () => app.open(null), "round small plain");
  const element = h(
    "aside",
    { id: "panel", class: "panel", "aria-labelledby": "panel-title" },
    h("header", {}, title, close),
    body,
  );
  /** @type {Map<Panel, View>} */
  const made = new Map();
  /** @type {Panel | null} */
  let shown = null;
  /** @type {Element | null} */
  let opener = null;
  return {
    element,
    draw(state) {
      const { panel } = state;
      const before = shown;
      shown = panel;
      set(element, { hidden: panel === null, "data-state": panel ?? "closed" });
      if (panel) {
        const view = made.get(panel) ?? PANELS[panel].make(app);
        made.set(panel, view);
        if (panel !== before) {
          if (before === null) opener = document.activeElement;
          write(title, PANELS[panel].title);
          body.replaceChildren(view.element);
        }
        view.draw(state);
        if (panel !== before) /** @type {HTMLElement} */ (view.element.querySelector("[data-first]") ?? title).focus();
      } else if (before && (document.activeElement === document.body || element.contains(document.activeElement))) {
        if (opener instanceof HTMLElement) opener.focus();
      }
    },
  };
}
