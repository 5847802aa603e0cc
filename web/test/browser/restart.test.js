import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { lostOffer, restarted } from "./support/restart.js";

const KINDS = /** @type {const} */ (["chromium", "chromium"]);

test("pictures go on through a restart of the server", (t) => restarted(t, KINDS));

test("pictures go on through a restart with a session key, and everyone stays who they are", (t) =>
  restarted(t, KINDS, randomBytes(32).toString("base64")));

test("an offer that went down with the server is made again", (t) => lostOffer(t, KINDS));
