import { test } from "node:test";
import { lostOffer } from "./support/restart.js";

for (const kinds of [
  ["chromium", "firefox"],
  ["firefox", "chromium"],
]) {
  test(`an offer of ${kinds[0]} to ${kinds[1]} that went down with the server is made again`, (t) =>
    lostOffer(t, kinds));
}
