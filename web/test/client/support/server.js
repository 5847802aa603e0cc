import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Why the tests with the real server cannot run here; false if they can. */
export const skip = (() => {
  if (process.env.PARLEY_TEST_BIN) return false;
  try {
    execFileSync("go", ["version"], { cwd: root, stdio: "ignore" });
    return false;
  } catch (error) {
    if (process.env.PARLEY_TEST_REQUIRE === "1") throw error;
    return "there is no Go here to build the server with";
  }
})();

/** Builds the server. Gives the program's path, and what removes it again. */
export function build() {
  const given = process.env.PARLEY_TEST_BIN; // a folder with the programs
  if (given) return { program: join(given, "parley"), remove: () => {} };
  const dir = mkdtempSync(join(tmpdir(), "parley-js-"));
  const program = join(dir, process.platform === "win32" ? "parley.exe" : "parley");
  execFileSync("go", ["build", "-o", program, "./cmd/parley"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  return { program, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Starts the server on a port of its choosing, or on a given one. */
export async function start(program, { port = 0, flags = [] } = {}) {
  const fixed = [
    "serve",
    "--listen",
    `127.0.0.1:${port}`,
    "--admin-listen",
    "off",
    "--tls",
    "off",
    "--log-level",
    "info",
  ];
  const server = spawn(program, [...fixed, ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  let log = "";
  const at = await new Promise((resolve, reject) => {
    server.once("exit", () => reject(new Error(`the server has ended: ${log}`)));
    server.stderr.on("data", (chunk) => {
      log += chunk;
      const found = /Parley is at http:\/\/[^:/]+:(\d+)/.exec(log);
      if (found) resolve(Number(found[1]));
    });
  });
  return {
    port: at,
    url: `ws://127.0.0.1:${at}/ws`,
    async stop(signal = "SIGKILL") {
      server.kill(signal);
      await exited;
    },
  };
}

/** A way to the server that the test cuts, in both directions at once and with all that is under way. */
export async function link(port) {
  const open = new Set();
  let up = true;
  const proxy = net.createServer((near) => {
    if (!up) return near.resetAndDestroy();
    const far = net.connect(port, "127.0.0.1");
    const both = { near, far };
    open.add(both);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroy();
        open.delete(both);
      });
    }
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const { near, far } of open) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    url: `ws://127.0.0.1:${proxy.address().port}/ws`,
    cut,
    down() {
      up = false;
      cut();
    },
    restore() {
      up = true;
    },
    close() {
      cut();
      return new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** The detail of the next event of a type that is as wished. */
export function next(target, type, wished = () => true) {
  return new Promise((resolve) => {
    const listener = ({ detail }) => {
      if (!wished(detail)) return;
      target.removeEventListener(type, listener);
      resolve(detail);
    };
    target.addEventListener(type, listener);
  });
}
