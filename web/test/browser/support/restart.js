/** A call through the end of a server, and another one in its place. */
import assert from "node:assert/strict";
import { until } from "./person.js";
import { startServer } from "./programs.js";
import { startSite } from "./site.js";
import { connected, enter, visitor } from "./stays.js";

const GAP = 1000; // ms that pictures may stop for
const PICTURES = 30; // that are waited for, before and after

/**
 * @param {import("node:test").TestContext} t
 * @param {import("./browsers.js").Kind[]} kinds
 * @param {string[]} options of the servers
 */
async function begin(t, kinds, options = []) {
  const site = await startSite();
  const flags = ["--tls", "off", "--origin", site.origin, ...options];
  const server = await startServer(...flags);
  const people = await Promise.all(kinds.map((kind, i) => visitor(t, site, `${kind} ${i + 1}`, { kind })));
  for (const one of people) {
    one.expect(/WebSocket|can’t establish a connection|interrupted while the page was loading/);
    await enter(one, "tea", { url: server.ws, room: "tea", audio: true, video: true });
  }
  for (const one of people) await connected(one, "tea");
  return { people, flags, server, startAgain: () => startServer(...flags, "--listen", `127.0.0.1:${server.port}`) };
}

/** What it was like for one of them. @param {import("./person.js").Person} person */
function report({ page }) {
  return page.evaluate(() => {
    const { room, calls, changes, errors } = stays.tea;
    return { self: room.self, connections: Object.keys(calls).length, changes, errors };
  });
}

/**
 * The server ends as it is asked to, and another one takes its place: pictures go on, in the connection that there was. A second
 * call, over a server that stays, shows what this machine can do meanwhile.
 * @param {import("node:test").TestContext} t
 * @param {import("./browsers.js").Kind[]} kinds
 * @param {string} [key] the servers' session key, with which everyone stays who they are
 */
export async function restarted(t, kinds, key) {
  const { people, flags, server, startAgain } = await begin(t, kinds, key ? ["--session-key", key] : []);
  const steady = await startServer(...flags);
  for (const one of people) await enter(one, "beside", { url: steady.ws, room: "tea", video: true });
  for (const one of people) {
    await connected(one, "beside");
    await watch(one);
  }
  const before = await Promise.all(people.map(report));
  await Promise.all(people.map(watch)); // from here on

  await server.stop("SIGTERM");
  await startAgain();
  const changes = key ? ["peer"] : ["peer", "peermoved"];
  for (const [i, one] of people.entries()) {
    await until(one, "the second server", () => stays.tea.states.at(-1) === "open");
    await until(one, changes.join(", "), (count) => stays.tea.changes.length === count, changes.length);
    await one.page.evaluate(() => stays.tea.room.send([...stays.tea.room.peers.keys()][0], "still here"));
    await until(one, "more pictures", (count) => stays.tea.pictures.count > count, PICTURES);
    const other = people[1 - i];
    await until(other, "a message", () => Object.values(stays.tea.messages).flat().includes("still here"));
  }
  for (const [i, one] of people.entries()) {
    const { self, ...rest } = await report(one);
    assert.deepEqual(rest, { connections: 1, changes, errors: [] });
    assert.equal(self === before[i].self, key !== undefined, "who one is");
    const [gap, beside] = await one.page.evaluate(() =>
      [stays.tea, stays.beside].map(({ pictures }) => pictures.stop()),
    );
    const what = `${one.name}: no picture for ${Math.round(gap)} ms at most, in the call beside for ${Math.round(beside)} ms`;
    t.diagnostic(what);
    assert.ok(gap < Math.max(GAP, 2 * beside), what);
  }
}

/** Watches the pictures of both calls anew, and waits for some. @param {import("./person.js").Person} person */
async function watch(person) {
  await person.page.evaluate(() => {
    for (const stay of [stays.tea, stays.beside]) stay.watch();
  });
  const came = (count) => [stays.tea, stays.beside].every(({ pictures }) => pictures.count > count);
  await until(person, "pictures", came, PICTURES);
}

/**
 * An offer goes down with the server, which had taken it and answered nothing. The call stands, and so it is made again in it.
 * @param {import("node:test").TestContext} t
 * @param {import("./browsers.js").Kind[]} kinds the first makes the offer
 */
export async function lostOffer(t, kinds) {
  const { people, server, startAgain } = await begin(t, kinds);
  const [ann, ben] = people;
  server.pause();
  const sent = await ann.page.evaluate(() => stays.tea.gate.offersSent);
  const stream = await ann.page.evaluate(() => stays.tea.add());
  await until(ann, "an offer", (sent) => stays.tea.gate.offersSent > sent, sent);
  await server.stop();
  await startAgain();
  await until(ben, "the track", (stream) => stays.tea.arrived.has(stream), stream);
  for (const one of people) {
    await until(one, "rest", () => stays.tea.connected && stays.tea.settled);
    const { connections, errors } = await report(one);
    assert.deepEqual({ connections, errors }, { connections: 1, errors: [] });
  }
}
