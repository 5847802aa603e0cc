import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const BROWSERS = {
  chrome: [
    process.env.PARLEY_TEST_CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/google-chrome",
    "/usr/bin/chromium-browser",
  ],
  firefox: [process.env.PARLEY_TEST_FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** The program of a browser, undefined where there is none. */
export function programOf(browser) {
  const found = BROWSERS[browser].find((path) => path && existsSync(path));
  if (!found && process.env.PARLEY_TEST_REQUIRE === "1") throw new Error(`there is no ${browser} here`);
  return found;
}

export function launch(browser) {
  const common = { browser, executablePath: programOf(browser), headless: true };
  if (browser === "chrome") {
    const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
    const media = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    return puppeteer.launch({
      ...common,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet, ...media],
    });
  }
  const extraPrefsFirefox = {
    "media.navigator.streams.fake": true,
    "media.navigator.permission.disabled": true,
    "media.peerconnection.ice.obfuscate_host_addresses": false,
    "media.peerconnection.ice.loopback": true,
  };
  return puppeteer.launch({ ...common, extraPrefsFirefox });
}

const PAGE = '<!DOCTYPE html><meta charset="utf-8"><title>test</title><video autoplay muted playsinline></video>';
const client = fileURLToPath(new URL("../../../static/client/", import.meta.url));

/** Serves an empty page with a video, and the client beside it. */
export async function servePage() {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path === "/") return response.setHeader("Content-Type", "text/html").end(PAGE);
    const file = join(client, normalize(path.replace(/^\/client\//, "/")));
    if (extname(file) !== ".js" || !existsSync(file)) return response.writeHead(404).end();
    response.setHeader("Content-Type", "text/javascript").end(await readFile(file));
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address();
  return { origin: `http://localhost:${port}`, close: () => new Promise((resolve) => server.close(resolve)) };
}
