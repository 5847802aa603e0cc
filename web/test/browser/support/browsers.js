/** The browsers: one process of a kind for a test file, and a profile of its own for every person. */

import { execFileSync } from "node:child_process";
import puppeteer from "puppeteer-core";
import { atEnd } from "./ending.js";

/** For what takes a moment. It is no measure of anything: only a test that fails waits so long. */
export const WITHIN = Number(process.env.PARLEY_TEST_WITHIN ?? 60_000);

const PROGRAMS = {
  chromium: ["PARLEY_TEST_CHROMIUM", "chromium", "chromium-browser", "google-chrome"],
  firefox: ["PARLEY_TEST_FIREFOX", "firefox", "firefox-esr"],
};

const CHROMIUM = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--mute-audio",
  "--autoplay-policy=no-user-gesture-required",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
  "--force-prefers-reduced-motion",
];
const FAKE_MEDIA = ["--use-fake-device-for-media-stream=fps=15", "--use-fake-ui-for-media-stream"];

const FIREFOX = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.peerconnection.ice.loopback": true,
  "media.autoplay.default": 0,
  "ui.prefersReducedMotion": 1,
};

/** @typedef {"chromium" | "firefox"} Kind */

/** @type {Map<string, Promise<import("puppeteer-core").Browser>>} */
const running = new Map();

/** @param {Kind} kind */
function programOf(kind) {
  const [variable, ...names] = PROGRAMS[kind];
  const given = process.env[variable ?? ""];
  if (given) return given;
  for (const name of names) {
    try {
      return execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
    } catch {
      // the next one
    }
  }
  throw new Error(`there is no ${kind} here`);
}

/**
 * @param {Kind} [kind]
 * @param {{media?: "fake" | "refused" | "absent", flags?: string[]}} [options] refused: the person, or nobody, allows camera and
 *   microphone. absent: there are none
 */
export function browser(kind = "chromium", { media = "fake", flags = [] } = {}) {
  const key = [kind, media, ...flags].join(" ");
  let launched = running.get(key);
  if (!launched) {
    launched = launch(kind, media, flags);
    running.set(key, launched);
  }
  return launched;
}

/** @param {Kind} kind @param {"fake" | "refused" | "absent"} media @param {string[]} flags */
async function launch(kind, media, flags) {
  const fake = { fake: FAKE_MEDIA, refused: FAKE_MEDIA.slice(0, 1), absent: FAKE_MEDIA.slice(1) }[media];
  const launched = await puppeteer.launch({
    browser: kind === "firefox" ? "firefox" : "chrome",
    executablePath: programOf(kind),
    headless: true,
    acceptInsecureCerts: true,
    protocolTimeout: 2 * WITHIN,
    ...(kind === "firefox" ? { extraPrefsFirefox: FIREFOX } : { args: [...CHROMIUM, ...fake, ...flags] }),
  });
  atEnd(() => launched.close());
  return launched;
}
