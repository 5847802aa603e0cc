/** Troubles, each brought about for real, and what the page says of them. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { describe, test } from "node:test";
import { arrive, enterRoom, guest, joinFromGreenRoom, press, reads, sees, tile, watches } from "../support/guest.js";
import { look } from "../support/looks.js";
import { until } from "../support/person.js";
import { startEcho, startServer } from "../support/programs.js";

// Most of them wait for time to pass.
describe("troubles", { concurrency: 3 }, () => {
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

  test("the server goes away for a while, and the call goes on", async (t) => {
    const server = await startServer();
    const ann = await guest(t, server, "Ann");
    const ben = await guest(t, server, "Ben");
    for (const one of [ann, ben]) {
      one.expect(/WebSocket connection to|ERR_CONNECTION_REFUSED/);
      await enterRoom(one, "tea");
    }
    await watches(ann, 1);
    await server.stop();
    for (const one of [ann, ben]) await reads(one, "Reconnecting to the server. The call goes on.");
    for (const one of [ann, ben]) await watches(one, 1);
    await look(ann, "reconnecting");
    await startServer("--listen", `127.0.0.1:${server.port}`);
    const back = () => !document.body.innerText.includes("Reconnecting");
    for (const one of [ann, ben]) await until(one, "the server's return", back);
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
