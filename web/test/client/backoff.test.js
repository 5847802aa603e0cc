import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../../static/client/backoff.js";

test("the ceiling doubles from attempt to attempt up to its own", () => {
  const waits = [0, 1, 2, 3, 4, 5, 50, 5000].map((attempt) => backoff(attempt, 500, 3000, () => 1));
  assert.deepEqual(waits, [500, 1000, 2000, 3000, 3000, 3000, 3000, 3000]);
});

test("full jitter: the wait is anything below the ceiling", () => {
  assert.equal(
    backoff(3, 500, 30_000, () => 0),
    0,
  );
  assert.equal(
    backoff(3, 500, 30_000, () => 0.25),
    1000,
  );
});
