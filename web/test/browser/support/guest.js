/** A person on Parley's own page. Controls are found as a person, or a screen reader, finds them: by what they are called. */
import assert from "node:assert/strict";
import { person, until } from "./person.js";

/** Keeps the connections for the test to look at, and cameras small: the machine has few cores. @param {boolean} tiny even smaller */
function prepare(tiny) {
  const Original = globalThis.RTCPeerConnection;
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      globalThis.connections.push(this);
    }
  };
  globalThis.diagnose = async () => {
    const lines = [document.body.innerText.slice(0, 2000)];
    for (const one of globalThis.connections) {
      lines.push(`${one.connectionState}, ${one.iceConnectionState}, ${one.signalingState}`);
      for (const { type, kind, framesDecoded, framesEncoded, bytesReceived, bytesSent } of (
        await one.getStats()
      ).values()) {
        if (kind)
          lines.push(`  ${JSON.stringify({ type, kind, framesDecoded, framesEncoded, bytesReceived, bytesSent })}`);
      }
    }
    return lines.join("\n");
  };
  if (!navigator.mediaDevices?.getUserMedia) return;
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }; // they cost half of all audio
  navigator.mediaDevices.getUserMedia = ({ audio, video }) =>
    open({
      audio: tiny && audio ? { ...audio, ...plain } : audio,
      video: video && { ...video, width: tiny ? 160 : 320, height: tiny ? 90 : 180, frameRate: tiny ? 5 : 10 },
    });
}

/**
 * @param {import("node:test").TestContext} t
 * @param {{home: string}} server
 * @param {string} name
 * @param {Parameters<typeof person>[2] & {before?: (page: import("puppeteer-core").Page) => Promise<unknown>, tiny?: boolean}} [options]
 */
export async function guest(t, server, name, { before, tiny = false, ...options } = {}) {
  const guest = await person(t, name, options);
  await guest.page.evaluateOnNewDocument(prepare, tiny);
  await before?.(guest.page);
  guest.home = server.home;
  const { origin } = new URL(server.home);
  t.after(() => {
    const elsewhere = guest.requests.filter(
      (url) => !["data:", "blob:"].includes(new URL(url).protocol) && new URL(url).origin !== origin,
    );
    assert.deepEqual(
      elsewhere.filter((url) => !url.startsWith(origin.replace("http", "ws"))),
      [],
      `${name} asked elsewhere`,
    );
  });
  return guest;
}

/**
 * Comes by the first page.
 * @param {Awaited<ReturnType<typeof guest>>} guest
 * @param {string} room
 */
export async function arrive(guest, room) {
  await guest.page.goto(guest.home);
  await begin(guest, room);
}

/** Goes on from the first page. @param {Awaited<ReturnType<typeof guest>>} guest @param {string} room */
export async function begin(guest, room) {
  await fill(guest, "Your name", guest.name);
  await fill(guest, "Room", room);
  await press(guest, "Join");
  await until(guest, "the green room", () => document.documentElement.dataset.screen === "green");
}

/** @param {Awaited<ReturnType<typeof guest>>} guest */
export function ready(guest) {
  return until(guest, "camera and microphone", () => {
    const sources = [...document.querySelectorAll("#app .source")];
    return sources.length === 2 && sources.every((source) => !source.hasAttribute("aria-busy"));
  });
}

/** @param {Awaited<ReturnType<typeof guest>>} guest */
export async function join(guest) {
  await press(guest, "Join");
  await until(guest, "the room", () => document.documentElement.dataset.screen === "room");
}

/** @param {Awaited<ReturnType<typeof guest>>} guest */
export async function joinFromGreenRoom(guest) {
  await ready(guest);
  await join(guest);
}

/** @param {Awaited<ReturnType<typeof guest>>} guest @param {string} room */
export async function enterRoom(guest, room) {
  await arrive(guest, room);
  await joinFromGreenRoom(guest);
}

/** Finds what is visible and is called so. @param {string} name @param {string} selector */
function find(name, selector) {
  const nameOf = (element) =>
    element.getAttribute("aria-label") ??
    (element.matches("input, select, textarea")
      ? element.labels?.[0]?.querySelector("span")?.textContent
      : element.textContent);
  return [...document.querySelectorAll(selector)].find(
    (element) =>
      nameOf(element)?.trim() === name && element.checkVisibility({ visibilityProperty: true }) && !element.disabled,
  );
}

/**
 * @param {import("./person.js").Person} person
 * @param {string} name
 * @param {string} [selector]
 */
export async function control(person, name, selector = "button, a, summary, [role=button]") {
  const handle = await until(person, `“${name}”`, find, name, selector);
  return /** @type {import("puppeteer-core").ElementHandle<HTMLElement>} */ (handle.asElement());
}

/** @param {import("./person.js").Person} person @param {string} name */
export async function press(person, name) {
  await (await control(person, name)).click();
}

/** @param {import("./person.js").Person} person @param {string} name @param {string} text */
export async function fill(person, name, text) {
  const field = await control(person, name, "input, textarea");
  await field.evaluate((element) => {
    element.focus();
    element.select();
  });
  await person.page.keyboard.type(text);
}

/** Waits until a text is to be read. @param {import("./person.js").Person} person @param {string} text */
export function reads(person, text) {
  return until(person, `“${text}”`, (text) => document.body.innerText.includes(text), text);
}

/** Waits for so many other people, by name, each with a picture or without. @param {import("./person.js").Person} person @param {string[]} names */
export function sees(person, names) {
  const sorted = [...names].sort();
  return until(
    person,
    `tiles of ${sorted.join(", ")}`,
    (wanted) => {
      const tiles = [...document.querySelectorAll('peer-tile[data-kind="peer"]')];
      return (
        tiles
          .map((tile) => tile.getAttribute("aria-label"))
          .sort()
          .join() === wanted
      );
    },
    sorted.join(),
  );
}

/** Waits until pictures go on coming from so many others. @param {import("./person.js").Person} person @param {number} count */
export function watches(person, count) {
  return until(
    person,
    `moving pictures of ${count}`,
    async (count) => {
      globalThis.framesBefore ??= new Map();
      let growing = 0;
      for (const connection of globalThis.connections) {
        if (connection.connectionState !== "connected") continue;
        for (const entry of (await connection.getStats()).values()) {
          if (entry.type !== "inbound-rtp" || entry.kind !== "video" || !(entry.framesDecoded > 0)) continue;
          const before = globalThis.framesBefore.get(connection);
          if (before === undefined) globalThis.framesBefore.set(connection, entry.framesDecoded);
          else if (entry.framesDecoded >= before + 5) growing++;
        }
      }
      if (growing < count) return false;
      globalThis.framesBefore = undefined;
      return true;
    },
    count,
  );
}

/** Waits for a state of somebody's tile. @param {import("./person.js").Person} person @param {string} name @param {string} selector that the tile matches */
export function tile(person, name, selector) {
  return until(
    person,
    `a tile of ${name} with ${selector}`,
    (name, selector) =>
      [...document.querySelectorAll("peer-tile")].some(
        (tile) =>
          tile.getAttribute("aria-label") === name &&
          (tile.matches(selector) || tile.querySelector(selector)?.checkVisibility()),
      ),
    name,
    selector,
  );
}
