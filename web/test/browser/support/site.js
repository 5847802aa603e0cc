/** A web site of another origin than the server's, as somebody has who puts the client into a page of their own. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { atEnd } from "./ending.js";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript",
};

const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));
const CLIENT = fileURLToPath(new URL("../../../static/client/", import.meta.url));

/**
 * Serves the fixtures, the client below /client/, and what is given.
 * @param {Record<string, string>} [texts] by path
 * @returns {Promise<{origin: string}>}
 */
export async function startSite(texts = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    try {
      const text = texts[pathname] ?? (await readFile(fileOf(pathname)));
      response.setHeader("Content-Type", TYPES[path.extname(pathname)] ?? TYPES[".html"]);
      response.end(text);
    } catch {
      response.writeHead(pathname === "/favicon.ico" ? 204 : 404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  atEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { origin: `http://127.0.0.1:${server.address().port}` };
}

/** @param {string} pathname */
function fileOf(pathname) {
  const name = path.posix.normalize(pathname).slice(1);
  return name.startsWith("client/") ? path.join(CLIENT, name.slice("client/".length)) : path.join(FIXTURES, name);
}
