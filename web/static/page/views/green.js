import { adviceOf, browserOf } from "../devices.js";
import { h, set, write } from "../dom.js";
import { Levels } from "../media/levels.js";
import { clean } from "../names.js";
import { sourceButton } from "./buttons.js";
import { devicePickers } from "./pickers.js";
import { troubleCard } from "./trouble.js";

/** @import { App } from "../app.js" */
/** @import { Which } from "../media/local.js" */
/** @import { View } from "../main.js" */
/** @import { State } from "../types.js" */

/**
 * Where one looks at oneself before going in.
 * @param {App} app
 * @returns {View}
 */
export function greenView(app) {
  const title = h("h1", { tabindex: -1 });
  const preview = previewView(app);
  const pickers = devicePickers(app);
  const problems = problemsView(app);
  const entrance = entranceView(app);
  const devices = h("details", { class: "devices" }, h("summary", {}, "Devices"), pickers.element);
  const element = h(
    "main",
    { class: "green" },
    h("div", { class: "before" }, preview.element, problems.element),
    h("div", { class: "entrance" }, h("p", { class: "eyebrow" }, "Ready to join"), title, entrance.element, devices),
  );
  const parts = [preview, problems, entrance, pickers];
  return {
    element,
    draw(state) {
      write(title, state.room);
      for (const part of parts) part.draw(state);
    },
  };
}

/** @param {App} app @returns {View} */
function previewView(app) {
  const video = h("video", { playsinline: true, autoplay: true, class: "mirrored", "aria-label": "Your picture" });
  video.muted = true;
  const empty = h("p", { class: "empty" });
  const meter = h("meter", { min: 0, max: 1, "aria-label": "Microphone level" });
  const buttons = [sourceButton(app, "mic"), sourceButton(app, "camera")];
  const bar = h("div", { class: "controls" }, ...buttons.map(({ element }) => element));
  const element = h("div", { class: "preview" }, video, empty, meter, bar);
  const levels = new Levels();
  /** @type {MediaStreamTrack | null} */
  let shown = null;
  return {
    element,
    draw(state) {
      const { camera, screen } = state;
      const track = app.media.track("camera");
      if (track !== shown) video.srcObject = track && new MediaStream([track]);
      shown = track;
      set(element, { "data-state": camera.on ? "picture" : "empty", "data-kind": camera.kind });
      video.hidden = !camera.on;
      empty.hidden = camera.on;
      write(empty, camera.busy ? "Opening the camera…" : camera.problem ? "No picture" : "Your camera is off");
      for (const button of buttons) button.draw(state);
      const stream = screen === "green" && app.media.track("mic") ? app.media.stream : null;
      levels.watch("own", stream, (level) => {
        meter.value = level;
      });
    },
  };
}

/** @param {App} app @returns {View} */
function problemsView(app) {
  const element = h("div", { class: "notices", "aria-live": "polite" });
  let drawn = "";
  return {
    element,
    draw(state) {
      const { mic, camera, trouble } = state;
      const key = JSON.stringify([mic.problem, camera.problem, mic.kind, camera.kind, trouble]);
      if (key === drawn) return;
      drawn = key;
      /** @type {Which[]} */
      const failed = [
        ...(camera.problem ? [/** @type {const} */ ("camera")] : []),
        ...(mic.problem ? [/** @type {const} */ ("mic")] : []),
      ];
      element.replaceChildren(
        ...(trouble ? [troubleCard(app, trouble)] : []),
        ...(trouble?.code === "insecure" ? [] : problemCards(app, state, failed)),
      );
    },
  };
}

/** One card where both have the same problem. @param {App} app @param {State} state @param {Which[]} failed */
function problemCards(app, state, failed) {
  const browser = browserOf(navigator.userAgent);
  const both = failed.length === 2 && state.mic.problem === state.camera.problem;
  const shown = both ? failed.slice(0, 1) : failed;
  return shown.map((which) => {
    const problem = state[which].problem ?? "";
    const advice = adviceOf(both ? "both" : which, problem, browser);
    const covered = both ? failed : [which];
    const again = () => void app.prepare();
    const test = () => {
      for (const each of covered) app.media.useTest(each);
    };
    const name = both
      ? "Use a test picture and tone"
      : which === "camera"
        ? "Use a test picture"
        : "Use a quiet test tone";
    return h(
      "section",
      { class: "notice", "data-state": `${which}-${problem}` },
      h("h2", {}, both ? "No camera, no microphone" : which === "camera" ? "No camera" : "No microphone"),
      h("p", {}, advice),
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", onclick: again }, "Try again"),
        h("button", { type: "button", onclick: test }, name),
      ),
    );
  });
}

/** @param {App} app @returns {View} */
function entranceView(app) {
  const name = h("input", {
    name: "name",
    maxlength: 64,
    autocomplete: "nickname",
    placeholder: "What the others see",
  });
  const secret = h("input", { name: "secret", type: "password", autocomplete: "off" });
  const asked = h("span");
  const door = h("label", { class: "field" }, asked, secret);
  const join = h("button", { class: "primary large" });
  const hint = h("p", { class: "hint" });
  name.addEventListener("input", () => app.dispatch({ type: "named", name: clean(name.value, "name") }));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const { asks } = app.state;
    if (asks) app.tell(asks, secret.value.trim());
    void app.join();
  };
  const element = h(
    "form",
    { class: "fields", onsubmit: submit },
    door,
    h("label", { class: "field" }, h("span", {}, "Your name"), name),
    join,
    hint,
  );
  let filled = false;
  return {
    element,
    draw(state) {
      if (!filled) name.value = state.name;
      filled = true;
      door.hidden = state.asks === null;
      write(asked, state.asks === "token" ? "Invitation" : "Password");
      const knocking = state.connection === "knocking";
      const busy = state.connection === "joining" || knocking;
      const never = state.trouble?.code === "webrtc";
      write(join, knocking ? "Waiting…" : busy ? "Joining…" : "Join");
      set(join, { disabled: busy || never });
      write(hint, never ? "" : hintOf(state));
    },
  };
}

/** @param {State} state */
function hintOf({ mic, camera, connection }) {
  if (connection === "knocking") return "Somebody in the room has to let you in. They have been told.";
  if (mic.busy || camera.busy) return "The browser may ask for camera and microphone.";
  if (mic.kind === "none" && camera.kind === "none")
    return "You join without picture and sound: to watch, to listen and to chat.";
  if (camera.kind === "none") return "You join with sound only.";
  if (mic.kind === "none") return "You join without sound.";
  return mic.on ? "The others will hear you at once." : "You join muted.";
}
