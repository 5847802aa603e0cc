/** How the page looks: a picture of each state, and what axe has to say of it. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const OUTPUT = process.env.PARLEY_TEST_OUTPUT ?? fileURLToPath(new URL("../../output/", import.meta.url));
const AXE = fileURLToPath(new URL("../../../node_modules/axe-core/axe.min.js", import.meta.url));

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

/** What pictures are made of. axe looks at each size and each scheme once. */
const VARIANTS = [
  { name: "desktop-light", viewport: DESKTOP, scheme: "light", examined: true },
  { name: "desktop-dark", viewport: DESKTOP, scheme: "dark", examined: false },
  { name: "phone-light", viewport: PHONE, scheme: "light", examined: false },
  { name: "phone-dark", viewport: PHONE, scheme: "dark", examined: true },
];

/** @param {import("puppeteer-core").Page} page @returns {Promise<string[]>} what axe finds */
async function examine(page) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(AXE, "utf8"));
  return page.evaluate(async () => {
    const { violations, passes } = await globalThis.axe.run(document);
    if (passes.length < 10) return [`only ${passes.length} rules had something to look at`];
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
    );
  });
}

/**
 * Takes pictures, light and dark, desktop and phone, and wants axe to find nothing.
 * @param {import("./person.js").Person} person
 * @param {string} state names the pictures
 */
export async function look({ page }, state) {
  mkdirSync(OUTPUT, { recursive: true });
  for (const { name, viewport, scheme, examined } of VARIANTS) {
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: scheme },
      { name: "prefers-reduced-motion", value: "reduce" },
    ]);
    await page.screenshot({ path: path.join(OUTPUT, `${state}-${name}.png`) });
    if (examined) assert.deepEqual(await examine(page), [], `axe, ${state}, ${name}`);
  }
  await page.setViewport(DESKTOP);
}
