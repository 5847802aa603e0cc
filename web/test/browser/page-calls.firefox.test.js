/** Calls on the page between browsers of different kinds. */
import { test } from "node:test";
import { chat, meet, muteAndDarken } from "./support/calls.js";
import { press, sees } from "./support/guest.js";

for (const kinds of [
  ["chromium", "firefox"],
  ["firefox", "chromium"],
]) {
  test(`${kinds[0]}, ${kinds[1]} and an echo`, async (t) => {
    const {
      guests: [ann, ben],
    } = await meet(t, kinds);
    await chat(ann, ben, "Tea is ready");
    await muteAndDarken(ann, ben);
    await muteAndDarken(ben, ann);
    await press(ben, "Leave");
    await sees(ann, ["Echo"]);
  });
}
