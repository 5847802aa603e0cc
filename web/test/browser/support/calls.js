/** Calls on the page, as people make them. */

import { arrive, control, fill, guest, join, press, reads, ready, sees, tile, watches } from "./guest.js";
import { startEcho, startServer } from "./programs.js";

const NAMES = ["Ann", "Ben", "Cem", "Dot", "Eve", "Fay"];

/**
 * A call of several, with an echo or more: everyone sees all the others.
 * @param {import("node:test").TestContext} t
 * @param {import("./browsers.js").Kind[]} kinds
 * @param {number} [cameras] how many have a camera on, the first: one core paints only so many pictures
 * @param {string[]} [echoes] their names
 */
export async function meet(t, kinds, cameras = kinds.length, echoes = ["Echo"]) {
  const server = await startServer();
  for (const name of echoes) await startEcho(server, "tea", name);
  const tiny = kinds.length > 2;
  const viewport = tiny ? { width: 480, height: 360 } : { width: 1000, height: 700 };
  const guests = [];
  for (const [i, kind] of kinds.entries()) {
    const one = await guest(t, server, `${NAMES[i]}`, { kind, tiny, viewport });
    guests.push(one);
    await arrive(one, "tea");
    await ready(one);
    if (i >= cameras) await press(one, "Camera");
  }
  for (const one of guests) await join(one); // a page is slow to open beside several that are in a call
  const all = [...guests.map(({ name }) => name), ...echoes];
  for (const one of guests) {
    await sees(
      one,
      all.filter((name) => name !== one.name),
    );
  }
  try {
    // Every echo gives back the picture of whoever has a camera.
    const pictures = (/** @type {number} */ i) => (i < cameras ? cameras - 1 + echoes.length : cameras);
    await Promise.all(guests.map((one, i) => watches(one, pictures(i))));
  } catch (error) {
    for (const { name, page } of guests) {
      t.diagnostic(`${name}: ${await page.evaluate(() => globalThis.diagnose()).catch(String)}`);
    }
    throw error;
  }
  return { server, guests };
}

/** One writes, the other reads. @param {import("./person.js").Person} from @param {import("./person.js").Person} to @param {string} text */
export async function chat(from, to, text) {
  await press(from, "Chat");
  await fill(from, "Message", text);
  await from.page.keyboard.press("Enter");
  await press(to, "Chat, 1 unread");
  await reads(to, text);
  for (const one of [from, to]) await press(one, "Close");
}

/** @param {import("./person.js").Person} one @param {import("./person.js").Person} other sees that */
export async function muteAndDarken(one, other) {
  await tile(other, one.name, '[data-state="picture"]');
  await press(one, "Microphone");
  await tile(other, one.name, '[role=img][aria-label="microphone off"]');
  await press(one, "Camera");
  await tile(other, one.name, '[data-state="initials"]');
  await press(one, "Camera");
  await tile(other, one.name, '[data-state="picture"]');
  await press(one, "Microphone");
  await control(one, "Microphone", 'button[aria-pressed="true"]');
}
