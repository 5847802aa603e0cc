/** The client that docs/protocol.md opens with, as it stands there. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { person, until } from "./support/person.js";
import { startServer } from "./support/programs.js";
import { startSite } from "./support/site.js";

const PAGE = `<!DOCTYPE html><title>The opening client</title><script type="module" src="page.mjs"></script>`;
const MODULE = `
import { enter } from "./client.mjs";
globalThis.said = [];
globalThis.begin = (url, greeting) => {
  globalThis.socket = enter(url, "lobby", (pc) => {
    const channel = pc.createDataChannel("parley", { negotiated: true, id: 0 });
    channel.onopen = () => channel.send(greeting);
    channel.onmessage = ({ data }) => said.push(data);
  });
};`;

test("two pages with the protocol's opening client exchange a message", async (t) => {
  const text = await readFile(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
  const client = /^```js\n(.*?)^```$/ms.exec(text)?.[1] ?? "";
  assert.match(client, /^export function enter\(url, room, prepare\)/);
  const site = await startSite({ "/": PAGE, "/page.mjs": MODULE, "/client.mjs": client });
  const server = await startServer("--tls", "off", "--origin", site.origin);

  const people = await Promise.all(["Ann", "Ben"].map((name) => person(t, name)));
  for (const someone of people) {
    const { page, name } = someone;
    await page.goto(site.origin);
    await until(someone, "the module", () => "begin" in globalThis);
    await page.evaluate((url, greeting) => begin(url, greeting), server.ws, `hello from ${name}`);
  }
  const [ann, ben] = people;
  await until(ann, "Ben's greeting", () => said.includes("hello from Ben"));
  await until(ben, "Ann's greeting", () => said.includes("hello from Ann"));
});
