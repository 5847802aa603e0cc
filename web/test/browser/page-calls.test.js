/** Calls on the page in Chromium. */
import { test } from "node:test";
import { chat, meet, muteAndDarken } from "./support/calls.js";
import { press, reads, sees, tile, watches } from "./support/guest.js";
import { until } from "./support/person.js";

test("two and an echo: pictures, chat, mute, a screen, leaving and closing a tab", async (t) => {
  const {
    guests: [ann, ben],
  } = await meet(t, ["chromium", "chromium"]);
  await chat(ann, ben, "Tea is ready: https://example.org/tea");
  await muteAndDarken(ann, ben);

  await press(ann, "Share screen");
  await tile(ben, "Ann’s screen", '[data-state="picture"]');
  await press(ann, "Stop sharing");
  await until(ben, "the screen's end", () => !document.querySelector('peer-tile[data-kind="screen"]'));

  await press(ann, "Leave");
  await reads(ann, "You have left the call");
  await sees(ben, ["Echo"]);
  await reads(ben, "Ann left");

  await press(ann, "Rejoin");
  await press(ann, "Join");
  await sees(ben, ["Ann", "Echo"]);
  await watches(ben, 2);
  await ann.close();
  await sees(ben, ["Echo"]);
});

test("three and an echo", (t) => meet(t, ["chromium", "chromium", "chromium"]));

test("six, two of them echoes and two with a camera", (t) =>
  meet(t, Array(4).fill("chromium"), 2, ["Echo", "Another echo"]));
