/** Two browsers on different nodes, one of which is killed while they negotiate. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shareNATS, startServer } from "./support/programs.js";
import { framesOf, startLink } from "./support/proxy.js";
import { startSite } from "./support/site.js";
import { connected, enter, leave, visitor } from "./support/stays.js";

const MOMENTS = [2, 3, 4]; // the frames, after the handshake and join, in the middle of which the node is killed
const UP_WITHIN = 5000; // ms

/** @typedef {Awaited<ReturnType<typeof startServer>>} Node */

test("a call comes about though the node of one is killed in the middle of its negotiation", async (t) => {
  const site = await startSite();
  const shared = await shareNATS();
  const start = () => startServer("--tls", "off", "--origin", site.origin, ...shared);
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
    let unfinished = 0;
    for (const moment of MOMENTS) {
      const { start: from, end } = frames[moment];
      const cut = /** @type {const} */ ({ direction: "up", after: Math.floor((from + end) / 2) });
      const killed = await call(`killed-${place}-${moment}`, place, cut);
      assert.ok(killed.link.cutAt > 0, "the node was not killed");
      const what = `${place ? "second" : "first"}, frame ${moment}: up ${killed.took} ms after the end of its node`;
      t.diagnostic(what);
      assert.ok(killed.took < UP_WITHIN, what);
      if (killed.took > 0) unfinished++;
      [node, next] = [next, await start()];
    }
    assert.ok(unfinished > 0, "the call was always up before its node was killed");
  }
});
