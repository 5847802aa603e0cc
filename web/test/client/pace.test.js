import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../../static/client/pace.js";

test("three quarters of the burst go at once, the rest at the server's rate", () => {
  const pace = new Pace();
  pace.set(0, { rate: 10, burst: 20 });
  for (let n = 0; n < 15; n++) assert.equal(pace.take(0, 1), 0);
  assert.equal(pace.take(0, 1), 100);
  assert.equal(pace.take(99, 1), 1);
  assert.equal(pace.take(100, 1), 0);
  assert.equal(pace.take(100, 2), 200);
  assert.equal(pace.take(300, 2), 0);
});

test("the bucket fills up to the burst and not beyond, and more than a burst is not asked for", () => {
  const pace = new Pace();
  pace.set(0, { rate: 10, burst: 20 });
  assert.equal(pace.take(3_600_000, 1000), 0);
  assert.equal(pace.take(3_600_000, 15), 1500);
});

test("no rate is no limit, no burst is the rate", () => {
  const pace = new Pace();
  for (let n = 0; n < 1000; n++) assert.equal(pace.take(0, 1), 0);
  pace.set(0, { rate: 0, burst: 5 });
  assert.equal(pace.take(0, 1000), 0);
  pace.set(0, { rate: 4, burst: 0 });
  assert.equal(pace.take(0, 3), 0);
  assert.equal(pace.take(0, 1), 250);
});

test("what has been spent stays spent over a resume, and a clock that is set back does no harm", () => {
  const pace = new Pace();
  pace.set(1000, { rate: 10, burst: 20 });
  assert.equal(pace.take(1000, 15), 0);
  pace.set(1000, { rate: 10, burst: 20 });
  assert.equal(pace.take(1000, 1), 100);
  assert.equal(pace.take(0, 1), 100);
  assert.equal(pace.take(100, 1), 0);
  pace.set(100, { rate: 10, burst: 400 });
  pace.empty(20_000);
  assert.equal(pace.take(20_000, 1), 100);
});
