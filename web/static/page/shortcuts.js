/** @import { App } from "./app.js" */

/** Keys that are also letters count only where nobody is typing. @param {EventTarget | null} target */
function typing(target) {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:input|textarea|select)$/iu.test(target.tagName))
  );
}

/** @param {EventTarget | null} target on which the space bar has a meaning of its own */
function pressable(target) {
  return target instanceof HTMLElement && target.closest("button, a, summary, [role=button]") !== null;
}

/** @param {App} app */
export function listenForShortcuts(app) {
  let talking = false;
  const hush = () => {
    if (talking) void app.turn("mic", false);
    talking = false;
  };
  addEventListener("keydown", (event) => {
    if (app.state.screen !== "room" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && app.state.panel) app.open(null);
    if (typing(event.target) || event.repeat) return;
    if (event.key === " ") {
      if (pressable(event.target) || app.state.mic.on) return;
      event.preventDefault();
      talking = true;
      void app.turn("mic", true);
      return;
    }
    const run = actions(app)[event.key.toLowerCase()];
    if (!run) return;
    event.preventDefault();
    run();
  });
  addEventListener("keyup", (event) => event.key === " " && hush());
  addEventListener("blur", hush);
}

/** @param {App} app @returns {Record<string, () => void>} */
function actions(app) {
  return {
    m: () => void app.turn("mic"),
    v: () => void app.turn("camera"),
    s: () => void app.share(),
    c: () => app.open("chat"),
    p: () => app.open("people"),
    "?": () => app.open("help"),
  };
}
