/** Troubles that take time, each brought about for real, and what the page says of them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { arrive, enterRoom, guest, joinFromGreenRoom, press, reads, sees, tile, watches } from "../support/guest.js";
import { look } from "../support/looks.js";
import { until } from "../support/person.js";
import { startServer } from "../support/programs.js";

const OUTAGE = 120_000; // ms, four times the grace time

// Most of them wait for time to pass.
describe("troubles", { concurrency: 3 }, () => {
  test("there is no camera and no microphone", async (t) => {
    const server = await startServer();
    const ann = await guest(t, server, "Ann", { media: "absent" });
    await arrive(ann, "tea");
    await reads(ann, "No camera, no microphone");
    await look(ann, "no-devices");
    await joinFromGreenRoom(ann);
    const ben = await guest(t, server, "Ben");
    await enterRoom(ben, "tea");
    await watches(ann, 1);
    await tile(ben, "Ann", '[data-state="initials"]');
  });

  test("another program has the camera", async (t) => {
    const server = await startServer();
    // No browser has a switch for it, so the browser's answer is given in its place.
    const occupy = (/** @type {import("puppeteer-core").Page} */ page) =>
      page.evaluateOnNewDocument(() => {
        const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          if (wanted.video) throw new DOMException("Could not start video source", "NotReadableError");
          return open(wanted);
        };
      });
    const ann = await guest(t, server, "Ann", { before: occupy });
    await arrive(ann, "tea");
    await reads(ann, "No camera");
    await look(ann, "camera-in-use");
    await press(ann, "Use a test picture");
    await joinFromGreenRoom(ann);
  });

  test("the server is gone for two minutes, and the call goes on", async (t) => {
    const server = await startServer();
    const ann = await guest(t, server, "Ann");
    const ben = await guest(t, server, "Ben");
    for (const one of [ann, ben]) {
      one.expect(/WebSocket connection to|ERR_CONNECTION_REFUSED/);
      await enterRoom(one, "tea");
    }
    await watches(ann, 1);
    await server.stop();
    const back = Date.now() + OUTAGE;
    for (const one of [ann, ben]) await reads(one, "Reconnecting to the server. The call goes on.");
    await look(ann, "reconnecting");
    while (Date.now() < back) for (const one of [ann, ben]) await watches(one, 1);
    await startServer("--listen", `127.0.0.1:${server.port}`);
    const reconnected = () => !document.body.innerText.includes("Reconnecting");
    for (const one of [ann, ben]) await until(one, "the server's return", reconnected);
    await sees(ann, ["Ben"]);
    await watches(ann, 1);
    assert.equal(await ann.page.evaluate(() => globalThis.connections.length), 1, "the call was begun anew");
    await press(ben, "Leave");
    await sees(ann, []);
  });

  test("somebody's connection is lost, and does not come back", async (t) => {
    const server = await startServer("--grace", "8s");
    const ann = await guest(t, server, "Ann");
    const ben = await guest(t, server, "Ben");
    for (const one of [ann, ben]) await enterRoom(one, "tea");
    await sees(ann, ["Ben"]);
    const crashed = await ben.page.createCDPSession();
    void crashed.send("Page.crash").catch(() => {}); // it never answers
    await reads(ann, "Ben’s connection was lost. Waiting for Ben.");
    await look(ann, "somebody-away");
    await reads(ann, "Ben did not come back");
    await sees(ann, []);
  });

  test("the server is gone when one wants to join", async (t) => {
    const server = await startServer();
    const ann = await guest(t, server, "Ann");
    ann.expect(/WebSocket connection to|ERR_CONNECTION_REFUSED/);
    await arrive(ann, "tea");
    await server.stop();
    await press(ann, "Join");
    await reads(ann, "Joining…");
    await reads(ann, "The server can’t be reached");
    await look(ann, "server-gone");
  });

  test("there is no path between two", async (t) => {
    const server = await startServer();
    const relayOnly = (/** @type {import("puppeteer-core").Page} */ page) =>
      page.evaluateOnNewDocument(() => {
        const Original = globalThis.RTCPeerConnection;
        globalThis.RTCPeerConnection = class extends Original {
          constructor(configuration = {}) {
            super({ ...configuration, iceTransportPolicy: "relay" });
          }
        };
      });
    const ann = await guest(t, server, "Ann", { before: relayOnly });
    const ben = await guest(t, server, "Ben");
    for (const one of [ann, ben]) await enterRoom(one, "tea");
    await reads(ann, "Can’t reach Ben directly, and the server has no relay (TURN) to offer. Still trying.");
    await look(ann, "no-path");
  });
});
