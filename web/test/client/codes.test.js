import assert from "node:assert/strict";
import { test } from "node:test";
import { actionOf, closeOf, ParleyError } from "../../static/client/codes.js";
import { vectors } from "./support/vectors.js";

test("close codes ask for the same as everywhere else", () => {
  assert.ok(vectors.close.length > 30);
  for (const { code, action } of vectors.close) assert.equal(actionOf(code), action, `close code ${code}`);
});

test("errors close with the same codes as everywhere else", () => {
  assert.ok(vectors.errors.length > 10);
  for (const { code, close } of vectors.errors) assert.equal(closeOf(code), close ?? undefined, code);
  assert.equal(closeOf("toString"), undefined);
});

test("an error tells what it is about", () => {
  const cause = new Error("below");
  const error = new ParleyError("closed", "why", { closeCode: 4503, retryAfter: 2, cause });
  assert.equal(error.name, "ParleyError");
  assert.deepEqual(
    [error.code, error.message, error.closeCode, error.retryAfter, error.cause],
    ["closed", "why", 4503, 2, cause],
  );
  assert.ok(!("cause" in new ParleyError("left", "why")));
});
