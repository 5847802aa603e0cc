import { h, set } from "../dom.js";
import { icon } from "../icons.js";
import { canChooseSpeaker, playTestSound } from "../media/speaker.js";

/** @import { App } from "../app.js" */
/** @import { View } from "../main.js" */
/** @import { State } from "../types.js" */

/** @typedef {"camera" | "mic" | "speaker"} Kind */

/** @type {Readonly<Record<Kind, string>>} */
const LABELS = Object.freeze({ camera: "Camera", mic: "Microphone", speaker: "Speaker" });

/**
 * The choice of devices, in the green room and in the settings.
 * @param {App} app
 * @returns {View}
 */
export function devicePickers(app) {
  const kinds = /** @type {Kind[]} */ (canChooseSpeaker() ? ["camera", "mic", "speaker"] : ["camera", "mic"]);
  const pickers = kinds.map((kind) => picker(app, kind));
  const test = h(
    "button",
    { type: "button", class: "quiet", onclick: () => void playTestSound(app.state.chosen.speaker).catch(() => {}) },
    icon("speaker"),
    "Test sound",
  );
  const element = h(
    "div",
    { class: "fields" },
    ...pickers.map((each) => each.element),
    h("p", { class: "actions" }, test),
  );
  return {
    element,
    draw: (state) => {
      for (const each of pickers) each.draw(state);
    },
  };
}

/** @param {App} app @param {Kind} kind @returns {View} */
function picker(app, kind) {
  const select = h("select", { onchange: () => void app.choose(kind, select.value) });
  const element = h("label", { class: "field" }, h("span", {}, LABELS[kind]), select);
  let drawn = "";
  return {
    element,
    draw(state) {
      const options = optionsOf(state, kind);
      const text = JSON.stringify(options);
      if (text !== drawn) {
        drawn = text;
        select.replaceChildren(...options.map(({ id, label }) => h("option", { value: id }, label)));
      }
      set(select, { disabled: options.length < 2 && kind !== "speaker" });
      select.value = selected(state, kind, options);
    },
  };
}

/** @param {State} state @param {Kind} kind @returns {{id: string, label: string}[]} */
function optionsOf(state, kind) {
  const found = state.devices.filter((device) => device.kind === kind).map(({ id, label }) => ({ id, label }));
  const usual = found.some(({ id }) => id === "default");
  if (usual || (found.length === 1 && kind !== "speaker")) return found;
  const nothing = found.length === 0 && kind !== "speaker";
  return [{ id: "", label: nothing ? "None found" : "The system’s choice" }, ...found];
}

/** @param {State} state @param {Kind} kind @param {{id: string}[]} options */
function selected(state, kind, options) {
  const wanted = state.chosen[kind];
  return options.some(({ id }) => id === wanted) ? wanted : (options[0]?.id ?? "");
}
