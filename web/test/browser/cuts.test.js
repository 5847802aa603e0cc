/** The connection of one side is cut at every step of a negotiation, between the messages and within them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./support/person.js";
import { startServer } from "./support/programs.js";
import { framesOf, startLink } from "./support/proxy.js";
import { startSite } from "./support/site.js";
import { connected, enter, leave, visitor } from "./support/stays.js";

const MESSAGES = 5; // that each sends the other at once by the server, numbered
const AT_ONCE = 4;

/** @typedef {{place: 0 | 1, cut?: import("./support/proxy.js").Cut}} Case place: who loses the link, in the order of coming */

test("a call comes about though the connection is cut at any step of its negotiation", async (t) => {
  const site = await startSite();
  const server = await startServer("--tls", "off", "--origin", site.origin);
  const people = [await visitor(t, site, "Ann"), await visitor(t, site, "Ben")];
  for (const one of people) one.expect(/WebSocket connection to .* failed|WebSocket is already in CLOSING/);

  /** @type {Case[]} */
  const cases = [];
  for (const place of /** @type {const} */ ([0, 1])) {
    const link = await run(people, server, `recorded-${place}`, { place });
    for (const direction of /** @type {const} */ (["up", "down"])) {
      const frames = framesOf(link.passed(direction));
      assert.ok(frames.length > MESSAGES, `only ${frames.length} frames went ${direction}`);
      for (const { start, end } of frames) {
        cases.push({ place, cut: { direction, after: Math.floor((start + end) / 2) } });
        cases.push({ place, cut: { direction, after: end } });
      }
    }
  }
  /** @type {number[]} */
  const took = [];
  const rest = cases.entries();
  const work = async () => {
    for (const [i, one] of rest) {
      const link = await run(people, server, `cut-${i}`, one);
      if (link.cutAt) took.push(link.took);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  // Frames differ a little from run to run, so that the last cuts of a direction may lie beyond its end.
  assert.ok(took.length > cases.length * 0.8, `only ${took.length} of ${cases.length} were cut`);
  took.sort((a, b) => a - b);
  assert.ok(
    took[took.length >> 1] < 5000,
    `half of the calls took more than ${took[took.length >> 1]} ms to come back`,
  );
  t.diagnostic(
    `${took.length} cuts; up again after ${took[took.length >> 1]} ms (median), ${took.at(-1)} ms (slowest)`,
  );
});

/**
 * @param {import("./support/person.js").Person[]} people
 * @param {{port: number, ws: string}} server
 * @param {string} room
 * @param {Case} one
 */
async function run(people, server, room, { place, cut }) {
  const link = await startLink(server.port, cut);
  const what = cut ? `${place ? "second" : "first"}, ${cut.direction} after ${cut.after} bytes` : "not cut";
  try {
    for (const [i, one] of people.entries()) {
      await enter(one, room, { url: i === place ? link.ws : server.ws, room, audio: true, messages: MESSAGES });
    }
    await Promise.all(people.map((one) => complete(one, room)));
    const [ann, ben] = await Promise.all(people.map(({ page }) => page.evaluate((room) => stays[room].report(), room)));
    assert.equal(ann.peer, ben.self, what);
    assert.equal(ben.peer, ann.self, what);
    for (const [from, to] of [
      [ann, ben],
      [ben, ann],
    ]) {
      assert.deepEqual(to.got, from.sent, `${what}: what the connections of ${room} told each other`);
      checkMessages(to, what);
    }
    return { ...link, cutAt: link.cutAt, took: Math.max(ann.connectedAt, ben.connectedAt) - link.cutAt };
  } finally {
    await Promise.all(people.map((one) => leave(one, room)));
    await link.close();
  }
}

/** @param {import("./support/person.js").Person} person @param {string} room */
async function complete(person, room) {
  await connected(person, room);
  await until(
    person,
    "all messages",
    (room, count) => {
      const { self, peer, messages, sent, got } = stays[room].report();
      return self && messages[peer]?.length >= count && sent.at(-1) === "" && got.at(-1) === "";
    },
    room,
    MESSAGES,
  );
}

/** Everyone's messages came in order, without a gap, once. @param {any} report @param {string} what */
function checkMessages({ peer, messages }, what) {
  const all = Array.from({ length: MESSAGES }, (_, i) => i + 1);
  for (const [from, came] of Object.entries(messages)) {
    assert.deepEqual(came, all.slice(0, from === peer ? MESSAGES : came.length), `${what}: messages from ${from}`);
  }
}

test("pictures of a standing call go on while the connection is gone", async (t) => {
  const site = await startSite();
  const server = await startServer("--tls", "off", "--origin", site.origin);
  const link = await startLink(server.port);
  const [ann, ben] = [await visitor(t, site, "Ann"), await visitor(t, site, "Ben")];
  for (const one of [ann, ben]) {
    one.expect(/WebSocket connection to .* failed/);
    await enter(one, "tea", { url: link.ws, room: "tea", audio: true, video: true });
  }
  for (const one of [ann, ben]) await connected(one, "tea");
  for (const gone of [true, false]) {
    if (gone) link.breakDown();
    else link.restore();
    for (const one of [ann, ben]) {
      const state = gone ? "reconnecting" : "open";
      await until(one, state, (state) => stays.tea.room.state.status === state, state);
      const before = await one.page.evaluate(() => stays.tea.frames());
      await until(one, "more pictures", async (before) => (await stays.tea.frames()) > before + 10, before);
    }
  }
  for (const { page } of [ann, ben]) {
    const { states, calls, errors } = await page.evaluate(() => {
      const { call, calls, errors } = stays.tea;
      return { states: call.states, calls: Object.keys(calls).length, errors };
    });
    assert.deepEqual({ states, calls, errors }, { states: ["connecting", "connected"], calls: 1, errors: [] });
  }
});
