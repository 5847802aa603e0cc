/** @import { State } from "./types.js" */

const KEY = "parley-page";

/** @returns {{name?: string, visited?: string[], chosen?: State["chosen"], rooms?: string}} what this browser has kept */
export function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const text = (/** @type {unknown} */ value) => (typeof value === "string" ? value : "");
    return {
      name: text(kept.name),
      visited: Array.isArray(kept.visited)
        ? kept.visited.filter((/** @type {unknown} */ room) => text(room) !== "")
        : [],
      chosen: { camera: text(kept.chosen?.camera), mic: text(kept.chosen?.mic), speaker: text(kept.chosen?.speaker) },
    };
  } catch {
    return {}; // a storage that may not be read, or holds something else
  }
}

let kept = "";

/** @param {State} state */
export function remember({ name, visited, chosen }) {
  const text = JSON.stringify({ name, visited, chosen });
  if (text === kept) return;
  kept = text;
  try {
    localStorage.setItem(KEY, text);
  } catch {
    // A storage that is full or may not be written: then nothing is remembered.
  }
}
