import { generate } from "../../vendor/lean-qr.js";
import { roomAddress } from "../addresses.js";
import { h, svg } from "../dom.js";
import { icon } from "../icons.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */

/** The vendored file has no types. */
const encode = /** @type {(text: string) => {size: number, get(x: number, y: number): boolean}} */ (
  /** @type {unknown} */ (generate)
);

/**
 * The room's address, with buttons to pass it on.
 * @param {App} app
 * @returns {View}
 */
export function inviteLink(app) {
  const field = h("input", { readonly: true, "aria-label": "Link to this room", onfocus: () => field.select() });
  const copy = h("button", { type: "button", class: "primary" }, icon("copy"), h("span", {}, "Copy link"));
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      app.dispatch({ type: "toast", text: "The link is copied." });
    } catch {
      field.focus(); // it is selected: copying by hand is left
    }
  });
  const share = h("button", { type: "button" }, icon("share"), h("span", {}, "Share…"));
  share.addEventListener("click", () => {
    navigator.share({ title: "Parley", text: `Join me in ${app.state.room}`, url: field.value }).catch(() => {}); // thought better of it
  });
  const sheet = typeof navigator.share === "function" && matchMedia("(pointer: coarse)").matches;
  const element = h("div", { class: "link" }, field, h("p", { class: "actions" }, copy, sheet && share));
  return {
    element,
    draw: ({ room }) => {
      field.value = roomAddress(room).href;
    },
  };
}

/**
 * @param {App} app
 * @returns {View}
 */
export function inviteView(app) {
  const link = inviteLink(app);
  const code = h("div", { class: "code" });
  const element = h(
    "div",
    { class: "stack" },
    h("p", {}, "Whoever opens this link comes into the room."),
    link.element,
    code,
    h("p", { class: "hint" }, "For a phone: point its camera at the code."),
  );
  let drawn = "";
  return {
    element,
    draw(state) {
      link.draw(state);
      const { href } = roomAddress(state.room);
      if (href === drawn) return;
      drawn = href;
      code.replaceChildren(picture(href));
    },
  };
}

/** @param {string} text @returns {Element} a QR code */
function picture(text) {
  const code = encode(text);
  const quiet = 3;
  const side = code.size + 2 * quiet;
  let d = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) d += `M${x + quiet} ${y + quiet}h1v1h-1z`;
  }
  return svg(
    "svg",
    {
      viewBox: `0 0 ${side} ${side}`,
      role: "img",
      "aria-label": "The link as a QR code",
      "shape-rendering": "crispEdges",
    },
    svg("path", { d }),
  );
}
