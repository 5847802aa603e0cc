/** A call through the end of a server, and another one in its place. */
import assert from "node:assert/strict";
import { until } from "./person.js";
import { startServer } from "./programs.js";
import { startSite } from "./site.js";
import { connected, enter, visitor } from "./stays.js";

/**
 * An offer goes down with the server, which had taken it and answered nothing. The call stands, and so it is made again in it.
 * @param {import("node:test").TestContext} t
 * @param {import("./browsers.js").Kind[]} kinds the first makes the offer
 */
export async function lostOffer(t, kinds) {
  const site = await startSite();
  const flags = ["--tls", "off", "--origin", site.origin];
  const server = await startServer(...flags);
  const people = await Promise.all(kinds.map((kind, i) => visitor(t, site, `${kind} ${i + 1}`, { kind })));
  const [ann, ben] = people;
  for (const one of people) {
    one.expect(/WebSocket|can’t establish a connection|interrupted while the page was loading/);
    await enter(one, "tea", { url: server.ws, room: "tea", audio: true, video: true });
  }
  for (const one of people) await connected(one, "tea");
  server.pause();
  const sent = await ann.page.evaluate(() => stays.tea.gate.offersSent);
  const stream = await ann.page.evaluate(() => stays.tea.add());
  await until(ann, "an offer", (sent) => stays.tea.gate.offersSent > sent, sent);
  await server.stop();
  await startServer(...flags, "--listen", `127.0.0.1:${server.port}`);
  await until(ben, "the track", (stream) => stays.tea.arrived.has(stream), stream);
  for (const one of people) {
    await until(one, "rest", () => stays.tea.connected && stays.tea.settled);
    const { calls, errors } = await one.page.evaluate(() => ({
      calls: Object.keys(stays.tea.calls).length,
      errors: stays.tea.errors,
    }));
    assert.deepEqual({ calls, errors }, { calls: 1, errors: [] });
  }
}
