/** The client's own example, on a page of another origin that loads the client from the server. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { person, until } from "./support/person.js";
import { startServer } from "./support/programs.js";
import { startSite } from "./support/site.js";

const PAGE = `<!DOCTYPE html><title>The example</title><video autoplay muted></video><script type="module" src="page.mjs"></script>`;

test("the example makes a call from a page of another origin", async (t) => {
  /** @type {Record<string, string>} */
  const texts = { "/": PAGE };
  const site = await startSite(texts);
  const server = await startServer("--tls", "off", "--origin", site.origin);
  const { origin } = new URL(server.home);
  texts["/page.mjs"] = (await exampleOf("README.md")).replace(
    /"[^"]*\/client\/index\.js"/,
    `"${origin}/client/index.js"`,
  );

  const people = [await person(t, "Ann"), await person(t, "Ben")];
  for (const { page } of people) await page.goto(site.origin);
  for (const one of people) {
    await until(one, "a picture", () => {
      const video = document.querySelector("video");
      return video && video.videoWidth > 0 && video.currentTime > 0;
    });
    assert.ok(one.requests.includes(`${origin}/client/index.js`));
  }
});

/** The first block that imports the client: the file's, or while it has none that of the client itself. @param {string} file */
async function exampleOf(file) {
  const own = await textOf("web/static/client/index.js");
  const example = own
    .split("\n")
    .flatMap((line) => /^ \* {5}(.*)$/.exec(line)?.[1] ?? [])
    .join("\n");
  assert.match(example, /client\/index\.js"/);
  const blocks = (await textOf(file)).matchAll(/^```js\n(.*?)^```$/gms);
  return (
    [...blocks].map(([, block]) => block ?? "").find((block) => /from "[^"]*\/client\/index\.js"/.test(block)) ??
    example
  );
}

/** @param {string} file of the repository */
function textOf(file) {
  return readFile(new URL(`../../../${file}`, import.meta.url), "utf8");
}
