/** Two browsers in a room, with the six lines of the README and what they promise. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { build, skip, start } from "../../client/support/server.js";
import { launch, programOf, servePage } from "./client.js";

/** @typedef {"chrome" | "firefox"} Kind */

let built;
let site;
const browsers = new Map();

/** What a page does: the example of the README, with what it meets kept for the test to look at. */
async function enter(url, room, { withMedia = true } = {}) {
  const { join } = await import("/client/index.js");
  const stream = withMedia
    ? await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
    : new MediaStream();
  const joined = await join({ url, room });
  const met = { room: joined, stream, log: [], connections: new Set() };
  window.met = met;
  joined.addEventListener("peer", ({ detail: peer }) => {
    for (const track of stream.getTracks()) peer.connection.addTrack(track, stream);
    peer.connection.ontrack = ({ streams }) => {
      document.querySelector("video").srcObject = streams[0];
    };
    met.connections.add(peer.connection);
    met.log.push(["peer", peer.id]);
  });
  joined.addEventListener("peerleft", ({ detail }) => met.log.push(["peerleft", detail.reason]));
  joined.addEventListener("peermoved", ({ detail }) => met.log.push(["peermoved", detail.peer.id]));
  joined.addEventListener("note", ({ detail }) => met.log.push(["note", detail.note.text]));
  joined.addEventListener("error", ({ detail }) => met.log.push(["error", String(detail.error)]));
  return joined.self;
}

/** Whether every call works: data, and pictures that come. */
async function works(peers, pictures) {
  const { room } = window.met;
  if (room.peers.size !== peers) return false;
  for (const { connection, channel } of room.peers.values()) {
    if (connection.signalingState !== "stable" || channel.readyState !== "open") return false;
    const stats = [...(await connection.getStats()).values()];
    const videos = stats.filter(({ type, kind }) => type === "inbound-rtp" && kind === "video");
    const frames = Math.max(0, ...videos.map(({ framesDecoded }) => framesDecoded ?? 0));
    const before = window.met.frames; // at the last look: a negotiation may begin the count anew
    window.met.frames = frames;
    if (pictures && !(frames > before)) return false;
  }
  return true;
}

const working = (page, peers = 1, pictures = true) =>
  page.waitForFunction(works, { timeout: 30_000, polling: 200 }, peers, pictures);

const log = (page) => page.evaluate(() => window.met.log.splice(0));
const errors = (entries) => entries.filter(([type]) => type === "error");

async function open(browser, url, room, options) {
  if (!browsers.has(browser)) browsers.set(browser, await launch(browser));
  const page = await browsers.get(browser).newPage();
  await page.goto(site.origin);
  await page.evaluate(enter, url, room, options);
  return page;
}

async function serving(run) {
  const server = await start(built.program, { flags: ["--origin", site.origin] });
  const pages = [];
  try {
    await run(server, async (...args) => {
      const page = await open(...args);
      pages.push(page);
      return page;
    });
  } finally {
    for (const page of pages) await page.close();
    await server.stop();
  }
}

/** Two pages with a working call. */
async function calling(enterPage, url, one, two) {
  const a = await enterPage(one, url, "tea");
  const b = await enterPage(two, url, "tea");
  await Promise.all([working(a), working(b)]);
  return [a, b];
}

async function pictures({ url }, enterPage, one, two) {
  const [a, b] = await calling(enterPage, url, one, two);
  const change = () => {
    const [{ connection }] = window.met.room.peers.values();
    connection.addTransceiver("video");
  };
  await Promise.all([a.evaluate(change), b.evaluate(change)]);
  const settled = () => {
    const [{ connection }] = window.met.room.peers.values();
    const all = connection.getTransceivers();
    return connection.signalingState === "stable" && all.length === 4 && all.every(({ mid }) => mid !== null);
  };
  for (const page of [a, b]) await page.waitForFunction(settled, { timeout: 30_000, polling: 100 });
  await Promise.all([working(a), working(b)]);
  await a.evaluate(() => window.met.room.tell({ type: "chat", text: "hello" }));
  await b.waitForFunction(() => window.met.log.some(([type]) => type === "note"), { timeout: 30_000 });
  for (const page of [a, b]) assert.deepEqual(errors(await log(page)), []);
}

async function silent({ url }, enterPage, one, two) {
  const a = await enterPage(one, url, "tea");
  const b = await enterPage(two, url, "tea", { withMedia: false });
  await Promise.all([working(a, 1, false), working(b)]);
  for (const page of [a, b]) assert.deepEqual(errors(await log(page)), []);
}

async function reloaded({ url }, enterPage, one, two) {
  const [a, b] = await calling(enterPage, url, one, two);
  await log(a);
  await b.reload();
  await b.evaluate(enter, url, "tea", {});
  await Promise.all([working(a), working(b)]);
  const [[left, reason], [met], ...more] = await log(a);
  assert.deepEqual([left, met, more], ["peerleft", "peer", []]);
  assert.match(reason, /^(left|replaced)$/); // Firefox closes the socket before a page can say that it leaves
}

async function duplicated({ url }, enterPage, one) {
  const a = await enterPage(one, url, "tea");
  const opened = new Promise((resolve) => a.once("popup", resolve));
  await a.evaluate((origin) => void window.open(origin), site.origin); // with a copy of sessionStorage
  const b = await opened;
  await b.waitForSelector("video");
  assert.equal(await b.evaluate(() => sessionStorage.length), 1);
  await b.evaluate(enter, url, "tea", {});
  await Promise.all([working(a), working(b)]);
  await b.close();
}

/** @param {Kind} one who is there first @param {Kind} two */
export function calls(one, two) {
  const missing = [one, two].find((browser) => !programOf(browser));
  describe(`${one} with ${two}`, { skip: skip || (missing ? `there is no ${missing} here` : false) }, () => {
    before(async () => {
      built ??= build();
      site ??= await servePage();
    });
    const check = (name, scenario) =>
      test(name, () => serving((server, enterPage) => scenario(server, enterPage, one, two)));
    check("a call with pictures on both sides, and what comes later is negotiated", pictures);
    check("whoever has nothing to show sees the other all the same", silent);
    check("a page that is loaded anew is met anew", reloaded);
    if (one === two) check("a tab that was opened from another is somebody else", duplicated);
  });
}

after(async () => {
  for (const browser of browsers.values()) await browser.close();
  await site?.close();
  built?.remove();
});
