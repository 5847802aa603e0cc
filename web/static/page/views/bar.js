import { h, set, write } from "../dom.js";
import { icon } from "../icons.js";
import { canShare } from "../media/screen.js";
import { sourceButton } from "./buttons.js";

/** @import { App } from "../app.js" */
/** @import { Icon } from "../icons.js" */
/** @import { View } from "../main.js" */
/** @import { Panel } from "../types.js" */

/** @type {readonly {panel: Panel, name: string, picture: Icon, key?: string}[]} */
const PANELS = [
  { panel: "people", name: "People", picture: "people", key: "p" },
  { panel: "invite", name: "Invite", picture: "invite" },
  { panel: "settings", name: "Settings", picture: "settings" },
  { panel: "help", name: "Shortcuts", picture: "keys", key: "?" },
];

/**
 * The controls of the call.
 * @param {App} app
 * @returns {View}
 */
export function barView(app) {
  const sources = [sourceButton(app, "mic"), sourceButton(app, "camera")];
  const share = labelled("screen", "Share screen", () => void app.share(), "s");
  const chat = panelButton(app, { panel: "chat", name: "Chat", picture: "chat", key: "c" });
  const badge = h("span", { class: "badge", "aria-hidden": "true" });
  chat.element.append(badge);
  const rest = PANELS.map((each) => panelButton(app, each));
  const more = moreMenu(rest.map(({ element }) => element));
  const leave = h(
    "button",
    {
      type: "button",
      class: "round danger",
      "aria-label": "Leave",
      title: "Leave the call",
      onclick: () => app.leave(),
    },
    icon("leave"),
  );
  const element = h(
    "nav",
    { class: "bar", "aria-label": "Call controls" },
    ...sources.map((each) => each.element),
    canShare() && share,
    chat.element,
    ...more,
    leave,
  );
  return {
    element,
    draw(state) {
      for (const each of [...sources, chat, ...rest]) each.draw(state);
      set(share, { "aria-pressed": String(state.sharing !== null) });
      write(badge, state.unread > 99 ? "99+" : String(state.unread));
      badge.hidden = state.unread === 0;
      set(chat.element, { "aria-label": state.unread > 0 ? `Chat, ${state.unread} unread` : "Chat" });
    },
  };
}

/** @param {Icon} picture @param {string} name @param {() => void} press @param {string} [key] */
function labelled(picture, name, press, key) {
  const title = key ? `${name} (${key.toUpperCase()})` : name;
  return h(
    "button",
    { type: "button", class: "round", "aria-label": name, title, "aria-keyshortcuts": key, onclick: press },
    icon(picture),
    h("span", { class: "word" }, name),
  );
}

/** @param {App} app @param {{panel: Panel, name: string, picture: Icon, key?: string}} of @returns {View} */
function panelButton(app, { panel, name, picture, key }) {
  const element = labelled(picture, name, () => app.open(panel), key);
  set(element, { "aria-controls": "panel", "data-panel": panel });
  return {
    element,
    draw: (state) => set(element, { "aria-expanded": String(state.panel === panel) }),
  };
}

/** On a narrow screen these buttons are behind another one. @param {HTMLElement[]} buttons */
function moreMenu(buttons) {
  const menu = h("div", { class: "rest", id: "rest" }, ...buttons);
  const button = h(
    "button",
    {
      type: "button",
      class: "round more",
      "aria-label": "More",
      title: "More",
      "aria-expanded": "false",
      "aria-controls": "rest",
    },
    icon("more"),
  );
  const open = (/** @type {boolean} */ wanted) => {
    menu.toggleAttribute("data-open", wanted);
    set(button, { "aria-expanded": String(wanted) });
  };
  button.addEventListener("click", () => open(!menu.hasAttribute("data-open")));
  addEventListener("click", (event) => {
    if (!button.contains(/** @type {Node} */ (event.target))) open(false);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.hasAttribute("data-open")) return;
    open(false);
    button.focus();
  });
  return [menu, button];
}
