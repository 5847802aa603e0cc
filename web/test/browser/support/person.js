/** Somebody with a browser. What goes wrong in it without being expected fails the test. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { browser, WITHIN } from "./browsers.js";

const POLL = { first: 5, last: 100 }; // ms: what comes soon is seen soon, and what takes long costs little

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
  await resize(page, viewport);
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
 * @param {import("puppeteer-core").Page} page
 * @param {import("puppeteer-core").Viewport} viewport
 */
async function resize(page, viewport) {
  try {
    await page.setViewport(viewport);
  } catch (error) {
    // Firefox 140 takes the size and knows no orientation, which is asked for with it.
    if (!String(error).includes("unknown command emulation.setScreenOrientationOverride")) throw error;
    await page.waitForFunction(({ width, height }) => innerWidth === width && innerHeight === height, {}, viewport);
  }
}

/**
 * Waits until something is so in the page. It is asked from here and not by the page itself, where Firefox 140 lets the page's
 * Content-Security-Policy forbid it.
 * @param {Person} person
 * @param {string} what for people
 * @param {string | ((...args: any[]) => unknown)} condition
 * @param {...unknown} args
 * @returns {Promise<import("puppeteer-core").JSHandle>} what the condition gave
 */
export async function until({ page, name, problems }, what, condition, ...args) {
  const deadline = Date.now() + WITHIN;
  let wait = POLL.first;
  let cause;
  try {
    do {
      const handle = await page.evaluateHandle(condition, ...args);
      if (await handle.evaluate((value) => Boolean(value))) return handle;
      await handle.dispose();
      await setTimeout(wait);
      wait = Math.min(2 * wait, POLL.last);
    } while (Date.now() < deadline);
  } catch (error) {
    cause = error;
  }
  const told = () => globalThis.diagnose?.() ?? document.body?.innerText.slice(0, 2000);
  const text = await page.evaluate(told).catch(String);
  throw new Error(
    `${name}: ${what} did not come. The page says:\n${text}\n${problems.concat(cause ?? []).join("\n")}`,
    { cause },
  );
}
