import { test } from "node:test";
import { lostOffer } from "./support/restart.js";

test("an offer that went down with the server is made again", (t) => lostOffer(t, ["chromium", "chromium"]));
