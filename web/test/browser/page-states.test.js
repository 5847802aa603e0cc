/** The page in each of its states: pictures, and nothing for axe to find. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  begin,
  enterRoom,
  fill,
  guest,
  joinFromGreenRoom,
  press,
  reads,
  sees,
  tile,
  watches,
} from "./support/guest.js";
import { look } from "./support/looks.js";
import { until } from "./support/person.js";
import { startServer } from "./support/programs.js";

const WEIGHT = 100_000; // bytes

test("from the first page to the call and out of it", async (t) => {
  const server = await startServer();
  const ann = await guest(t, server, "Ann");
  const weigh = await scale(ann.page);
  await ann.page.goto(server.home);
  await look(ann, "landing");
  await begin(ann, "blue-lantern-orchard");
  await until(ann, "the own picture", () => document.querySelector(".preview video")?.videoWidth > 0);
  await look(ann, "green-room");
  await joinFromGreenRoom(ann);
  await reads(ann, "You’re the first one here");
  const { contents, all, requests } = weigh();
  await until(ann, "the own picture", () => document.querySelector(".self video")?.videoWidth > 0);
  t.diagnostic(`the page and all that it loads: ${contents} bytes, ${all} with the headers of ${requests} answers`);
  assert.ok(contents > 10_000 && contents < WEIGHT, `${contents} bytes`);
  await look(ann, "room-alone");

  const ben = await guest(t, server, "Ben");
  await enterRoom(ben, "blue-lantern-orchard");
  await sees(ann, ["Ben"]);
  await watches(ann, 1);
  await look(ann, "room-of-two");
  await press(ben, "Chat");
  await fill(ben, "Message", "Here is the recipe: https://example.org/scones");
  await ben.page.keyboard.press("Enter");
  await press(ann, "Chat, 1 unread");
  await fill(ann, "Message", "Thank you!");
  await ann.page.keyboard.press("Enter");
  await look(ann, "chat");
  for (const panel of ["People", "Invite", "Settings", "Shortcuts"]) {
    await press(ann, panel);
    await until(ann, panel, (panel) => document.querySelector("#panel-title")?.textContent === panel, panel);
    await look(ann, `panel-${panel.toLowerCase()}`);
  }
  await press(ann, "Close");
  await press(ben, "Microphone");
  await press(ben, "Camera");
  await tile(ann, "Ben", '[data-state="initials"]');
  await look(ann, "muted-and-dark");
  await press(ben, "Share screen");
  await tile(ann, "Ben’s screen", '[data-state="picture"]');
  await look(ann, "screen-share");
  await look(ben, "sharing");
  await press(ann, "Leave");
  await reads(ann, "You have left the call");
  await look(ann, "after");
  await press(ann, "Back to the start");
  await reads(ann, "Rooms you were in");
  await look(ann, "landing-visited");
});

/** Weighs what is transferred from now on: the contents as they are sent, and all with its headers. @param {import("puppeteer-core").Page} page */
async function scale(page) {
  const session = await page.createCDPSession();
  const bytes = { contents: 0, all: 0, requests: 0 };
  session.on("Network.dataReceived", ({ encodedDataLength }) => {
    bytes.contents += encodedDataLength;
  });
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes.all += encodedDataLength;
    bytes.requests++;
  });
  await session.send("Network.enable");
  return () => bytes;
}

test("the server restarts, and the call goes on", async (t) => {
  const server = await startServer();
  const [ann, ben] = [await guest(t, server, "Ann"), await guest(t, server, "Ben")];
  for (const one of [ann, ben]) {
    one.expect(/WebSocket connection to|ERR_CONNECTION_REFUSED/);
    await enterRoom(one, "tea");
  }
  await watches(ann, 1);
  await server.stop("SIGTERM");
  await reads(ann, "The server is restarting. The call goes on.");
  await look(ann, "server-restarting");
  await startServer("--listen", `127.0.0.1:${server.port}`);
  await until(ann, "no more of it", () => document.querySelector(".banner")?.hidden);
  await watches(ann, 1);
  await press(ben, "Leave");
  await sees(ann, []);
});

test("a whole call by keyboard alone", async (t) => {
  const server = await startServer();
  const ann = await guest(t, server, "Ann");
  const ben = await guest(t, server, "Ben");
  await enterRoom(ben, "tea");

  const { keyboard } = ann.page;
  await ann.page.goto(server.home);
  await tabTo(ann, "Your name");
  await keyboard.type("Ann");
  await tabTo(ann, "Room");
  await keyboard.down("Control");
  await keyboard.press("a");
  await keyboard.up("Control");
  await keyboard.type("tea");
  await keyboard.press("Enter");
  await until(ann, "the green room", () => document.documentElement.dataset.screen === "green");
  await tabTo(ann, "Join");
  await keyboard.press("Enter");
  await sees(ben, ["Ann"]);

  await tabTo(ann, "Microphone");
  await keyboard.press("Space");
  await tile(ben, "Ann", '[role=img][aria-label="microphone off"]');
  await tabTo(ann, "Chat");
  await keyboard.press("Enter");
  await until(
    ann,
    "the message field in focus",
    () => document.activeElement?.getAttribute("aria-label") === "Message",
  );
  await keyboard.type("Hello");
  await keyboard.press("Enter");
  await press(ben, "Chat, 1 unread");
  await reads(ben, "Hello");
  await keyboard.press("Escape");
  await until(ann, "focus where it was", () => document.activeElement?.getAttribute("aria-label") === "Chat");
  await keyboard.press("v");
  await tile(ben, "Ann", '[data-state="initials"]');
  await tabTo(ann, "Pin Ben");
  await keyboard.press("Enter");
  await until(ann, "the pin", () => document.querySelector("peer-tile")?.getAttribute("data-pinned") !== "false");
  await tabTo(ann, "Leave");
  await keyboard.press("Enter");
  await sees(ben, []);
  await tabTo(ann, "Rejoin");
});

/** Presses Tab until something of that name has the focus, and can be seen to. @param {import("./support/person.js").Person} person @param {string} name */
async function tabTo({ page }, name) {
  /** @type {string[]} */
  const met = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element?.labels?.[0]?.querySelector("span")?.textContent;
      return (element?.getAttribute("aria-label") ?? label ?? element?.textContent ?? "").trim();
    });
    met.push(at);
    if (at === name) {
      const shown = await page.evaluate(() => document.activeElement?.matches(":focus-visible"));
      assert.ok(shown, `the focus on ${name} is not seen`);
      return;
    }
  }
  assert.fail(`Tab does not come to ${name}, only to ${met.join(", ")}`);
}
