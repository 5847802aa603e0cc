/** How the page looks: a picture of each state, and what axe has to say of it. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const OUTPUT = process.env.PARLEY_TEST_OUTPUT ?? fileURLToPath(new URL("../../output/", import.meta.url));
const AXE = fileURLToPath(new URL("../../../node_modules/axe-core/axe.min.js", import.meta.url));

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const SCHEMES = ["light", "dark"];

/**
 * Takes pictures, light and dark, desktop and phone, and lets axe look at each.
 * @param {import("./person.js").Person} person
 * @param {string} state names the pictures
 */
export async function look({ page }, state) {
  mkdirSync(OUTPUT, { recursive: true });
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(AXE, "utf8"));
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewport(viewport);
    for (const scheme of SCHEMES) {
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: "reduce" },
      ]);
      await page.screenshot({ path: path.join(OUTPUT, `${state}-${size}-${scheme}.png`) });
      const found = await page.evaluate(async () => {
        const { violations, passes } = await globalThis.axe.run(document);
        if (passes.length < 10) return [`only ${passes.length} rules had something to look at`];
        return violations.map(
          ({ id, nodes }) =>
            `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`,
        );
      });
      assert.deepEqual(found, [], `axe, ${state}, ${size}, ${scheme}`);
    }
  }
  await page.setViewport(SIZES.desktop);
}
