/** What web pages can do to the admin address of the host that they are read on: nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { person } from "./support/person.js";
import { startEcho, startServer } from "./support/programs.js";
import { startSite } from "./support/site.js";

const REBOUND = "rebound.test"; // a name that somebody else has point to this host

/** @param {import("./support/person.js").Person} visitor @param {string} url @param {RequestInit} [init] */
function ask({ page }, url, init = {}) {
  return page.evaluate(
    async (url, init) => {
      try {
        const answer = await fetch(url, init);
        return `${answer.type} ${answer.status} ${(await answer.text()).slice(0, 60)}`;
      } catch (error) {
        return String(error);
      }
    },
    url,
    init,
  );
}

test("pages of other origins neither read the admin API nor change anything by it", async (t) => {
  const server = await startServer("--admin-listen", "127.0.0.1:0");
  await startEcho(server, "tea");
  const rooms = `http://${server.adminHost()}/api/v1/rooms`;
  const json = { "Content-Type": "application/json" };

  const site = await startSite();
  const eve = await person(t, "Eve");
  eve.expect(/CORS|Failed to load resource|ERR_/);
  await eve.page.goto(`${site.origin}/call.html`);
  for (const init of [
    {},
    { method: "DELETE", headers: json },
    { method: "PATCH", headers: json, body: '{"locked":true}' },
    { method: "POST", headers: { "Content-Type": "text/plain" }, body: '{"data":1}' },
  ]) {
    const url = init.method === "POST" ? `${rooms}/tea/messages` : init.method ? `${rooms}/tea` : rooms;
    assert.match(await ask(eve, url, init), /^TypeError/, init.method);
  }
  const blind = await ask(eve, `${rooms}/tea/messages`, { method: "POST", mode: "no-cors", body: '{"data":1}' });
  assert.match(blind, /^opaque 0/);

  const mallory = await person(t, "Mallory", { flags: [`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`] });
  mallory.expect(/Failed to load resource/);
  const { port } = new URL(rooms);
  await mallory.page.goto(`http://${REBOUND}:${port}/metrics`);
  for (const init of [{}, { method: "DELETE", headers: json }]) {
    const path = init.method ? "/api/v1/rooms/tea" : "/api/v1/rooms";
    assert.match(await ask(mallory, path, init), /^basic 403/, init.method);
  }

  const answer = await server.admin("GET", "api/v1/rooms");
  assert.deepEqual(
    answer.rooms.map(({ name, peers, locked }) => ({ name, peers, locked })),
    [{ name: "tea", peers: 1, locked: false }],
  );
});
