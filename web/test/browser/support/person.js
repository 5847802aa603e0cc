/** Somebody with a browser. What goes wrong in it without being expected fails the test. */
import assert from "node:assert/strict";
import { browser, WITHIN } from "./browsers.js";

/**
 * @typedef {object} Person
 * @property {string} name
 * @property {import("puppeteer-core").Page} page
 * @property {(pattern: RegExp) => void} expect errors and warnings in the console that belong to the test
 * @property {string[]} requests the addresses of all that the page asked for
 * @property {string[]} problems
 * @property {() => Promise<void>} close
 */

/**
 * @param {import("node:test").TestContext} t the person goes when this test ends
 * @param {string} name
 * @param {object} [options]
 * @param {import("./browsers.js").Kind} [options.kind]
 * @param {"fake" | "refused" | "absent"} [options.media]
 * @param {string[]} [options.flags]
 * @param {import("puppeteer-core").Viewport} [options.viewport]
 * @returns {Promise<Person>}
 */
export async function person(t, name, { kind, media, flags, viewport = { width: 800, height: 600 } } = {}) {
  const context = await (await browser(kind, { media, flags })).createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(WITHIN);
  await page.setViewport(viewport);
  /** @type {RegExp[]} */
  const expected = [];
  const person = { name, page, requests: [], problems: [], expect: (pattern) => expected.push(pattern), close };
  const problem = (/** @type {string} */ text) => {
    if (!expected.some((pattern) => pattern.test(text))) person.problems.push(`${name}: ${text}`);
  };
  page.on("console", (message) => {
    if (["error", "warn", "assert"].includes(message.type())) problem(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problem(`error: ${error instanceof Error ? error.stack : error}`));
  page.on("request", (request) => person.requests.push(request.url()));
  let closed = false;
  async function close() {
    if (closed) return;
    closed = true;
    await context.close();
  }
  t.after(async () => {
    await close();
    assert.deepEqual(person.problems, []);
  });
  return person;
}

/**
 * Waits until something is so in the page. Pages in the background get no animation frames, hence the polling.
 * @param {Person} person
 * @param {string} what for people
 * @param {string | ((...args: any[]) => unknown)} condition
 * @param {...unknown} args
 */
export async function until({ page, name, problems }, what, condition, ...args) {
  try {
    return await page.waitForFunction(condition, { polling: 25, timeout: WITHIN }, ...args);
  } catch (cause) {
    const told = () => globalThis.diagnose?.() ?? document.body?.innerText.slice(0, 2000);
    const text = await page.evaluate(told).catch(String);
    throw new Error(`${name}: ${what} did not come. The page says:\n${text}\n${problems.join("\n")}`, { cause });
  }
}
