import { readFileSync } from "node:fs";

/** The vectors that the Go tests read too. */
export const vectors = JSON.parse(
  readFileSync(new URL("../../../../signaling/protocol/testdata/vectors.json", import.meta.url), "utf8"),
);

/** A text of the vectors: a string, or parts to be joined. */
export function textOf(text) {
  if (typeof text === "string") return text;
  return text.map((part) => (typeof part === "string" ? part : part.repeat.repeat(part.times))).join("");
}
