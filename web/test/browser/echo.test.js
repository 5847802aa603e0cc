/** The client with a peer that has no browser, of another WebRTC stack. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./support/person.js";
import { startEcho, startServer } from "./support/programs.js";
import { startSite } from "./support/site.js";
import { connected, enter, visitor } from "./support/stays.js";

test("a call with parley-peer goes on when both lose their sessions", async (t) => {
  const site = await startSite();
  const flags = ["--tls", "off", "--origin", site.origin];
  const server = await startServer(...flags);
  await startEcho(server, "tea");
  const ann = await visitor(t, site, "Ann");
  ann.expect(/WebSocket connection to .* failed/);
  const before = await enter(ann, "tea", { url: server.ws, room: "tea", audio: true, video: true });
  await connected(ann, "tea");
  await until(ann, "pictures", async () => (await stays.tea.frames()) > 10);

  await server.stop("SIGTERM");
  await startServer(...flags, "--listen", `127.0.0.1:${server.port}`);
  await until(ann, "another id", (before) => stays.tea.room.self !== before, before);
  await connected(ann, "tea");
  const stream = await ann.page.evaluate(() => stays.tea.add());
  assert.ok(stream);
  await until(ann, "that what was added is negotiated", () => stays.tea.settled);
  const frames = await ann.page.evaluate(() => stays.tea.frames());
  await until(ann, "more pictures", async (frames) => (await stays.tea.frames()) > frames + 10, frames);
  const { calls, states, errors } = await ann.page.evaluate(() => {
    const { call, calls, errors } = stays.tea;
    return { calls: Object.keys(calls).length, states: call.states, errors };
  });
  assert.deepEqual({ calls, states, errors }, { calls: 1, states: ["connecting", "connected"], errors: [] });
});
