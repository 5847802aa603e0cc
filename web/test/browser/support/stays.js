/** People on the page of somebody else, with the client: see fixtures/call.js. */
import { person, until } from "./person.js";

/**
 * @param {import("node:test").TestContext} t
 * @param {{origin: string}} site
 * @param {string} name
 * @param {Parameters<typeof person>[2]} [options]
 */
export async function visitor(t, site, name, options) {
  const visitor = await person(t, name, options);
  await visitor.page.goto(`${site.origin}/call.html`);
  await until(visitor, "the page's module", () => "enter" in globalThis);
  return visitor;
}

/**
 * @param {import("./person.js").Person} person
 * @param {string} stay a name for the stay
 * @param {object} options of Stay.start
 */
export function enter({ page }, stay, options) {
  return page.evaluate((stay, options) => enter(stay, options), stay, options);
}

/** @param {import("./person.js").Person} person @param {string} stay */
export function connected(person, stay) {
  return until(person, `the call of ${stay}`, (stay) => stays[stay].connected, stay);
}

/** @param {import("./person.js").Person} person @param {string} stay */
export function leave({ page }, stay) {
  return page.evaluate((stay) => stays[stay].room.leave(), stay);
}
