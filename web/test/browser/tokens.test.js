/** A call goes on when a token ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./support/person.js";
import { makeToken, shareNATS, startServer } from "./support/programs.js";
import { startSite } from "./support/site.js";
import { connected, enter, visitor } from "./support/stays.js";

const SECRET = "a secret that is for tests alone";
const GAP = 1000; // ms that pictures may stop for
const SOON = "2s"; // and clocks may be five seconds apart

/** @param {string} identity @param {string} ttl */
const tokenOf = (identity, ttl) =>
  makeToken("--token-secret", SECRET, "--room", "tea", "--identity", identity, "--ttl", ttl);

/** @param {import("node:test").TestContext} t @param {string[]} shared flags of nodes that share rooms, none for one node */
async function renewed(t, shared) {
  const site = await startSite();
  const flags = ["--tls", "off", "--origin", site.origin, "--token-secret", SECRET, "--require-token"];
  const server = await startServer(...flags, ...shared);
  const other = shared.length > 0 ? await startServer(...flags, ...shared) : server;
  const [ann, ben, cem] = await Promise.all(["Ann", "Ben", "Cem"].map((name) => visitor(t, site, name)));
  const call = { url: server.ws, room: "tea", video: true };
  await enter(ben, "tea", { ...call, url: other.ws, tokens: [await tokenOf("ben", "1h")] });
  await enter(ann, "tea", { ...call, tokens: [await tokenOf("ann", SOON), await tokenOf("ann", "1h")] });
  await Promise.all([ann, ben].map((one) => connected(one, "tea")));
  await enter(cem, "tea", {
    url: server.ws,
    room: "tea",
    tokens: [await tokenOf("cem", SOON), await tokenOf("cem", "1h")],
  });
  const before = await ann.page.evaluate(() => stays.tea.room.self);
  const kept = await cem.page.evaluate(() => stays.tea.room.self);
  await cem.page.evaluate(() => stays.tea.room.authenticate());
  for (const { page } of [ann, ben]) await page.evaluate(() => stays.tea.watch());

  await until(ann, "another id", (before) => stays.tea.room.self !== before, before);
  await until(ben, "that the call has moved", () => stays.tea.changes.includes("peermoved"));
  for (const one of [ann, ben]) {
    await until(one, "more pictures", () => stays.tea.pictures.count > 30);
    const gap = await one.page.evaluate(() => stays.tea.pictures.stop());
    t.diagnostic(`${one.name}: no picture for ${Math.round(gap)} ms at most`);
    assert.ok(gap < GAP, `${one.name}: no picture for ${gap} ms`);
    assert.deepEqual(await one.page.evaluate(() => stays.tea.errors), []);
  }
  const report = await cem.page.evaluate(() => ({ self: stays.tea.room.self, states: stays.tea.states }));
  assert.deepEqual(report, { self: kept, states: [] }, "who asked in time never lost the connection");
}

const WHAT = "a token ends during a call, and pictures go on with a fresh one, asked for in time or after its end";

test(WHAT, (t) => renewed(t, []));

test(`${WHAT}: over two nodes`, async (t) => renewed(t, await shareNATS()));
