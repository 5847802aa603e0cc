import { address } from "../addresses.js";
import { h } from "../dom.js";
import { wordsOf } from "../words.js";

/** @import { App } from "../app.js" */
/** @import { Trouble } from "../types.js" */
/** @import { Remedy } from "../words.js" */

/**
 * @param {App} app
 * @param {readonly Remedy[]} wanted
 * @param {string} [again] what trying again is called
 * @returns {HTMLElement[]} buttons and links
 */
export function remedies(app, wanted, again = "Try again") {
  const { state } = app;
  const secure = new URL(location.href);
  secure.protocol = "https:";
  const retry = () => (state.screen === "after" ? app.rejoin() : void app.join());
  /** @type {Record<Remedy, () => HTMLElement>} */
  const made = {
    retry: () => h("button", { type: "button", class: "primary", onclick: retry }, again),
    back: () => h("button", { type: "button", onclick: () => app.home() }, "Back to the start"),
    reload: () => h("button", { type: "button", class: "primary", onclick: () => location.reload() }, "Reload"),
    https: () => h("a", { class: "button primary", href: secure.href }, `Open ${secure.host} over HTTPS`),
    authority: () =>
      h(
        "a",
        { class: "button", href: address("parley-ca").href, target: "_blank", rel: "noopener" },
        "Trust this server",
      ),
    test: () => h("button", { type: "button", onclick: () => app.media.useTest("camera") }, "Use a test picture"),
  };
  return wanted.map((remedy) => made[remedy]());
}

/**
 * @param {App} app
 * @param {Trouble} trouble
 * @returns {HTMLElement}
 */
export function troubleCard(app, { code }) {
  const { title, text, remedies: wanted = [] } = wordsOf(code);
  return h(
    "section",
    { class: "notice", role: "alert", "data-state": code },
    h("h2", {}, title),
    h("p", {}, text),
    h("p", { class: "actions" }, ...remedies(app, wanted)),
  );
}
