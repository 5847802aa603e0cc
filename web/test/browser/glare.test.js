import { test } from "node:test";
import { glare } from "./support/glare.js";

test("glare between Chromium and Chromium settles, and every track arrives", (t) => glare(t, ["chromium", "chromium"]));
