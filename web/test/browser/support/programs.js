/** The Go programs: built once for a test run, started as often as a test likes, ended with it. */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { atEnd } from "./ending.js";

const MODULE = fileURLToPath(new URL("../../../../", import.meta.url));

/** @type {Promise<string> | undefined} */
let built;

/** @returns {Promise<string>} the folder with parley and parley-peer: PARLEY_TEST_BIN, or else they are built */
function programs() {
  built ??= process.env.PARLEY_TEST_BIN ? Promise.resolve(process.env.PARLEY_TEST_BIN) : build();
  return built;
}

async function build() {
  const folder = await temporary();
  const args = ["build", "-o", `${folder}${path.sep}`, "./cmd/parley", "./cmd/parley-peer"];
  await promisify(execFile)(process.env.GO ?? "go", args, { cwd: MODULE, env: { ...process.env, CGO_ENABLED: "0" } });
  return folder;
}

/** @returns {Promise<string>} a folder that is removed at the end */
export async function temporary() {
  const folder = await mkdtemp(path.join(tmpdir(), "parley-browser-"));
  atEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/**
 * Starts a program and waits for a line of its log.
 * @param {string} name
 * @param {string[]} args
 * @param {RegExp} ready
 */
async function start(name, args, ready) {
  return run(path.join(await programs(), name), args, ready);
}

/**
 * Does so with any program.
 * @param {string} program
 * @param {string[]} args
 * @param {RegExp} ready
 */
async function run(program, args, ready) {
  const env = { ...process.env, XDG_CONFIG_HOME: await temporary() };
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  /** @type {string[]} */
  const log = [];
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async (/** @type {NodeJS.Signals} */ signal = "SIGKILL") => {
    child.kill(signal);
    await ended;
  };
  atEnd(stop);
  /** @type {RegExpExecArray} */
  const match = await new Promise((resolve, reject) => {
    createInterface(child.stderr).on("line", (line) => {
      log.push(line);
      const found = ready.exec(line);
      if (found) resolve(found);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}:\n${log.join("\n")}`)));
  });
  return { match, log, stop, pid: child.pid };
}

/**
 * Starts a Parley server on a free port of loopback, or where `--listen` among the flags says.
 * @param {...string} flags
 */
export async function startServer(...flags) {
  const listen = flags.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const args = ["serve", ...listen, "--admin-listen", "off", "--log-format", "json", "--log-level", "info", ...flags];
  const { match, log, stop, pid } = await start("parley", args, /"Parley is at (https?):\/\/[^:"]+:(\d+)\//);
  const port = Number(match[2]);
  const secure = match[1] === "https";
  return {
    port,
    log,
    stop,
    /** Has it stand still: what is sent to it arrives, and is not looked at. */
    pause: () => process.kill(pid, "SIGSTOP"),
    /** Where the admin address is, if the flags have one. */
    adminHost() {
      return log.map((line) => /http:\/\/(127\.0\.0\.1:\d+)\/metrics/.exec(line)).find(Boolean)?.[1];
    },
    /**
     * Asks the admin API.
     * @param {string} method
     * @param {string} path
     * @param {unknown} [body]
     */
    async admin(method, path, body) {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(`http://${this.adminHost()}/${path}`, { method, headers, body: JSON.stringify(body) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text && JSON.parse(text);
    },
    /** The page's address. */
    home: `${match[1]}://localhost:${port}/`,
    /** The endpoint's address. */
    ws: `${secure ? "wss" : "ws"}://localhost:${port}/ws`,
  };
}

/**
 * Makes a join token.
 * @param {...string} flags of `parley token`
 * @returns {Promise<string>}
 */
export async function makeToken(...flags) {
  const { stdout } = await promisify(execFile)(path.join(await programs(), "parley"), ["token", ...flags]);
  return stdout.trim();
}

/**
 * Has a peer without a browser send back what it gets.
 * @param {{ws: string}} server
 * @param {string} room
 * @param {string} [name]
 */
export function startEcho(server, room, name = "Echo") {
  return start("parley-peer", ["echo", "--insecure", "--name", name, "--url", server.ws, "--room", room], /joined/i);
}

let deployments = 0;

/**
 * A NATS server for nodes to share: the one of PARLEY_TEST_NATS, or a nats-server of one's own.
 * @returns {Promise<string[]>} the flags of nodes of one deployment
 */
export async function shareNATS() {
  const prefix = ["--nats-prefix", `t${process.pid}-${++deployments}`];
  if (process.env.PARLEY_TEST_NATS) return ["--nats-url", process.env.PARLEY_TEST_NATS, ...prefix];
  const args = ["--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir", await temporary()];
  const { match } = await run("nats-server", args, /Listening for client connections on (127\.0\.0\.1:\d+)/);
  return ["--nats-url", `nats://${match[1]}`, ...prefix];
}
