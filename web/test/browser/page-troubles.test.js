/** Troubles that show at once, each brought about for real, and what the page says of them. Those that take time are for make soak. */
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { arrive, enterRoom, guest, joinFromGreenRoom, press, reads, ready, watches } from "./support/guest.js";
import { look } from "./support/looks.js";
import { startEcho, startServer } from "./support/programs.js";

test("camera and microphone are refused, and a test picture takes their place", async (t) => {
  const server = await startServer();
  const refuse = (/** @type {import("puppeteer-core").Page} */ page) =>
    page.browserContext().overridePermissions(new URL(server.home).origin, []);
  const ann = await guest(t, server, "Ann", { media: "refused", before: refuse });
  await arrive(ann, "tea");
  await reads(ann, "The browser was told not to give the camera and microphone to this page.");
  await reads(ann, "You join without picture and sound");
  await look(ann, "permission-refused");
  await press(ann, "Use a test picture and tone");
  await joinFromGreenRoom(ann);
  const ben = await guest(t, server, "Ben");
  await enterRoom(ben, "tea");
  await watches(ben, 1);
});

test("there is no WebRTC", async (t) => {
  const server = await startServer();
  const without = (/** @type {import("puppeteer-core").Page} */ page) =>
    page.evaluateOnNewDocument(() => {
      delete (/** @type {any} */ (globalThis).RTCPeerConnection);
    });
  const ann = await guest(t, server, "Ann", { before: without });
  await arrive(ann, "tea");
  await reads(ann, "This browser has no WebRTC");
  await look(ann, "no-webrtc");
});

test("the page is not secure", async (t) => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === "IPv4" && !each.internal)?.address;
  if (!address) {
    t.skip("this machine has no address but loopback");
    return;
  }
  const server = await startServer("--tls", "off", "--listen", "0.0.0.0:0");
  const ann = await guest(t, { home: `http://${address}:${server.port}/` }, "Ann");
  ann.expect(/Cross-Origin-Opener-Policy/);
  await arrive(ann, "tea");
  await reads(ann, "This page is not secure");
  await reads(ann, `Open ${address}:${server.port} over HTTPS`);
  await look(ann, "insecure");
});

test("the room is full", async (t) => {
  const server = await startServer("--room-capacity", "1");
  await startEcho(server, "tea");
  const ann = await guest(t, server, "Ann");
  await arrive(ann, "tea");
  await ready(ann);
  await press(ann, "Join");
  await reads(ann, "This room is full");
  await look(ann, "room-full");
});

test("the same person joins from another tab", async (t) => {
  const server = await startServer();
  const ann = await guest(t, server, "Ann");
  await enterRoom(ann, "tea");
  const kept = await ann.page.evaluate(() => ({ ...sessionStorage }));
  const keep = (/** @type {import("puppeteer-core").Page} */ page) =>
    page.evaluateOnNewDocument((kept) => Object.assign(sessionStorage, kept), kept);
  const again = await guest(t, server, "Ann", { before: keep });
  await enterRoom(again, "tea");
  await reads(ann, "The call goes on in another tab");
  await reads(again, "Only you");
  await look(ann, "replaced");
});
