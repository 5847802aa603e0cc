import { h, set } from "../dom.js";
import { icon } from "../icons.js";
import { pieces } from "../links.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */
/** @import { Line } from "../types.js" */

/** Lines of the same person within this time stand together. */
const TOGETHER = 3 * 60_000; // ms

/**
 * @param {App} app
 * @returns {View}
 */
export function chatView(app) {
  const list = h("ol");
  const log = h("div", { class: "lines", role: "log", "aria-label": "Messages", tabindex: 0 }, list);
  const empty = h(
    "p",
    { class: "hint" },
    "Nothing was said yet. What you write goes straight to everyone in the room and is kept nowhere.",
  );
  const input = h("textarea", {
    rows: 1,
    "aria-label": "Message",
    placeholder: "Write to everyone",
    maxlength: 4000,
    "data-first": true,
  });
  const send = h("button", { class: "round primary", "aria-label": "Send", title: "Send" }, icon("send"));
  const form = h("form", { class: "say" }, input, send);
  const say = (/** @type {Event} */ event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text !== "") app.say(text);
    input.value = "";
  };
  form.addEventListener("submit", say);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) say(event);
  });
  const element = h("div", { class: "chat" }, empty, log, form);
  /** @type {Line | undefined} */
  let last;
  return {
    element,
    draw({ chat }) {
      set(empty, { hidden: chat.length > 0 });
      if (chat.at(-1)?.id === last?.id) return;
      if (chat.length === 0 || (last && !chat.some(({ id }) => id === last?.id))) {
        list.replaceChildren();
        last = undefined;
      }
      const fresh = chat.slice(chat.findIndex(({ id }) => id === last?.id) + 1);
      for (const line of fresh) {
        list.append(lineOf(line, last));
        last = line;
      }
      log.scrollTop = log.scrollHeight;
    },
  };
}

/** @param {Line} line @param {Line | undefined} before */
function lineOf({ from, name, text, time }, before) {
  const follows = before !== undefined && before.from === from && time - before.time < TOGETHER;
  const when = new Date(time);
  const head = h(
    "p",
    { class: "who" },
    h("bdi", {}, from === "" ? "You" : name),
    h("time", { datetime: when.toISOString() }, when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })),
  );
  const link = (/** @type {string} */ href, /** @type {string} */ words) =>
    h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, words);
  const body = h(
    "p",
    { class: "text", dir: "auto" },
    ...pieces(text).map((piece) => (piece.href ? link(piece.href, piece.text) : piece.text)),
  );
  return h("li", { "data-mine": from === "" }, !follows && head, body);
}
