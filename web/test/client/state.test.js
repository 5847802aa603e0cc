import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { next, TABLE } from "../../static/client/state.js";

const { transitions } = JSON.parse(readFileSync(new URL("state.vectors.json", import.meta.url), "utf8"));
const statuses = Object.keys(TABLE);
const events = [...new Set(Object.values(TABLE).flatMap(Object.keys))];

test("the table and the vectors are the same, for every status and every event", () => {
  assert.equal(statuses.length, 12);
  assert.equal(events.length, 20);
  const listed = new Map(transitions.map((transition) => [`${transition.status} ${transition.event}`, transition]));
  assert.equal(listed.size, transitions.length, "a transition is listed twice");
  for (const status of statuses) {
    for (const event of events) {
      const { to, effects } = listed.get(`${status} ${event}`) ?? { to: status, effects: [] };
      assert.deepEqual(next(status, event), { status: to, effects }, `${status} ${event}`);
      listed.delete(`${status} ${event}`);
    }
  }
  assert.deepEqual([...listed.keys()], [], "listed, and not in the table");
});

test("every status but the end can be left, and every way ends", () => {
  const reached = new Set(["idle"]);
  for (const status of reached) for (const [to] of Object.values(TABLE[status])) reached.add(to);
  assert.deepEqual([...reached].sort(), [...statuses].sort());
  for (const status of statuses.filter((status) => status !== "closed")) {
    assert.equal(next(status, "end").status, "closed", status);
    assert.equal(next(status, "unload").status, "closed", status);
  }
  assert.deepEqual(TABLE.closed, {});
});

test("what reaches the end tells it, and nothing else does", () => {
  for (const status of statuses) {
    for (const event of events) {
      const { status: to, effects } = next(status, event);
      assert.equal(effects.includes("finish"), to === "closed" && status !== "closed", `${status} ${event}`);
      const ended = ["lost", "gone", "timer", "stop", "freeze", "move"].includes(event) && effects.length > 0;
      const socket = !["idle", "waiting", "frozen", "closed"].includes(status);
      if (ended && socket && to !== "checking") {
        assert.ok(
          effects.includes("drop") || effects.includes("farewell"),
          `${status} ${event} leaves a socket behind`,
        );
      }
    }
  }
});
