/** Two browsers on different nodes, one of which is killed while they negotiate. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startNATS, startServer } from "./support/programs.js";
import { framesOf, startLink } from "./support/proxy.js";
import { startSite } from "./support/site.js";
import { connected, enter, leave, visitor } from "./support/stays.js";

const MOMENTS = [0.4, 0.6, 0.8]; // of what passes from joining to the call, the parts after which the node is killed
const UP_WITHIN = 5000; // ms

/** @typedef {Awaited<ReturnType<typeof startServer>>} Node */

test("a call comes about though the node of one is killed in the middle of its negotiation", async (t) => {
  const site = await startSite();
  const nats = await startNATS();
  const start = () => startServer("--tls", "off", "--origin", site.origin, "--nats-url", nats);
  const people = [await visitor(t, site, "Ann"), await visitor(t, site, "Ben")];
  for (const one of people) one.expect(/WebSocket/);
  const other = await start();
  let node = await start();
  let next = await start();

  /** @param {string} room @param {number} place of whose node is killed, in the order of coming @param {import("./support/proxy.js").Cut} [cut] */
  const call = async (room, place, cut) => {
    let now = node;
    const link = await startLink(
      () => now.port,
      cut,
      () => {
        node.stop("SIGKILL");
        now = next; // as a proxy does, that finds nobody there
      },
    );
    for (const [i, one] of people.entries()) {
      await enter(one, room, { url: i === place ? link.ws : other.ws, room, audio: true });
    }
    await Promise.all(people.map((one) => connected(one, room)));
    const took = await Promise.all(
      people.map(({ page }) => page.evaluate((room) => stays[room].report().connectedAt, room)),
    );
    const errors = await Promise.all(people.map(({ page }) => page.evaluate((room) => stays[room].errors, room)));
    assert.deepEqual(errors.flat(), []);
    await Promise.all(people.map((one) => leave(one, room)));
    await link.close();
    return { link, took: Math.max(...took) - link.cutAt };
  };

  for (const place of [0, 1]) {
    const { link } = await call(`recorded-${place}`, place);
    const frames = framesOf(link.passed("up"));
    for (const moment of MOMENTS) {
      const { start: from, end } = frames[Math.floor(moment * frames.length)];
      const cut = /** @type {const} */ ({ direction: "up", after: Math.floor((from + end) / 2) });
      const killed = await call(`killed-${place}-${moment}`, place, cut);
      assert.ok(killed.link.cutAt > 0, "the node was not killed");
      const what = `${place ? "second" : "first"}, at ${moment}: up ${killed.took} ms after the end of its node`;
      t.diagnostic(what);
      assert.ok(killed.took < UP_WITHIN, what);
      [node, next] = [next, await start()];
    }
  }
});
