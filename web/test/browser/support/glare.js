/** Both sides of a call add a track at the same instant, again and again. */
import assert from "node:assert/strict";
import { until } from "./person.js";
import { startServer } from "./programs.js";
import { startSite } from "./site.js";
import { connected, enter, leave, visitor } from "./stays.js";

const CALLS = 10;
const ROUNDS = 10; // in each call: a message has room for the descriptions of so many tracks

/**
 * @param {import("node:test").TestContext} t
 * @param {import("./browsers.js").Kind[]} kinds
 */
export async function glare(t, kinds) {
  const site = await startSite();
  const server = await startServer("--tls", "off", "--origin", site.origin);
  const people = await Promise.all(kinds.map((kind, i) => visitor(t, site, `${kind} ${i + 1}`, { kind })));
  let collisions = 0;
  for (let call = 0; call < CALLS; call++) {
    // Who comes second is polite and offers first: each in turn.
    const order = call % 2 ? [...people].reverse() : people;
    for (const one of order)
      await enter(one, "glare", { url: server.ws, room: `glare-${call}`, audio: true, video: call % 2 === 0 });
    await Promise.all(order.map((one) => connected(one, "glare")));
    for (let round = 0; round < ROUNDS; round++) await addAtOnce(order, round % 2 === 0);
    if (call % 2 === 0) await goOn(order);
    for (const report of await Promise.all(order.map(reportOf))) {
      assert.deepEqual(report.errors, []);
      collisions += report.collisions;
    }
    await Promise.all(order.map((one) => leave(one, "glare")));
  }
  t.diagnostic(`${CALLS * ROUNDS} rounds, ${collisions} collisions`);
  // In every second round each side had spoken before it heard the other. The polite side counts; the other passes over.
  assert.ok(collisions >= (CALLS * ROUNDS) / 2, `only ${collisions} offers met`);
}

/**
 * @param {import("./person.js").Person[]} people
 * @param {boolean} gated whether each is made to offer before it hears the other; else both just begin at the same time
 */
async function addAtOnce(people, gated) {
  if (gated) await Promise.all(people.map(({ page }) => page.evaluate(() => stays.glare.gate.shut())));
  const instant = Date.now() + 20;
  const streams = await Promise.all(
    people.map(({ page }) =>
      page.evaluate(
        async (gated, instant) => {
          const { gate } = stays.glare;
          const before = gate.offersSent;
          while (!gated && Date.now() < instant); // the clock is one for all browsers of this machine
          const id = await stays.glare.add();
          stays.glare.spoken = () => gate.offersSent > before;
          return id;
        },
        gated,
        instant,
      ),
    ),
  );
  if (gated) {
    await Promise.all(people.map((one) => until(one, "an own offer", () => stays.glare.spoken())));
    await Promise.all(people.map(({ page }) => page.evaluate(() => stays.glare.gate.open())));
  }
  await Promise.all(
    people.map((one, i) =>
      until(
        one,
        "the other's track, and rest",
        (stream) => stays.glare.arrived.has(stream) && stays.glare.settled,
        streams[1 - i],
      ),
    ),
  );
}

/** Pictures that were sent before go on coming. @param {import("./person.js").Person[]} people */
async function goOn(people) {
  for (const { page } of people) await page.evaluate(() => stays.glare.watch());
  for (const one of people) await until(one, "more pictures", () => stays.glare.pictures.count > 5);
  for (const { page } of people) await page.evaluate(() => stays.glare.pictures.stop());
}

/** @param {import("./person.js").Person} person */
function reportOf({ page }) {
  return page.evaluate(() => ({ errors: stays.glare.errors, collisions: stays.glare.call.collisions }));
}
