/** A call on the page that is as large as a mesh should be. */
import { test } from "node:test";
import { meet } from "../support/calls.js";

test("six, one of them an echo and two with a camera", (t) => meet(t, Array(5).fill("chromium"), 2));
