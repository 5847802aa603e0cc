import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("../../", import.meta.url));

let dir;

function run(where, program, ...args) {
  try {
    return execFileSync(program, args, {
      cwd: where,
      encoding: "utf8",
      stdio: "pipe",
      shell: process.platform === "win32",
    });
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}:\n${error.stdout}\n${error.stderr}`);
  }
}

/** The package as npm would publish it, installed into a project from its file, without a network. */
before(() => {
  dir = mkdtempSync(join(tmpdir(), "parley-package-"));
  const copy = join(dir, "web");
  for (const path of ["package.json", "tsconfig.json", "tsconfig.types.json", "static/client"]) {
    cpSync(join(web, path), join(copy, path), { recursive: true });
  }
  cpSync(join(web, "..", "LICENSE"), join(dir, "LICENSE"));
  symlinkSync(join(web, "node_modules"), join(copy, "node_modules"), "junction");
  run(copy, "npm", "pack", "--offline", "--pack-destination", dir);
  assert.deepEqual(readdirSync(copy).sort(), [
    "node_modules",
    "package.json",
    "static",
    "tsconfig.json",
    "tsconfig.types.json",
  ]);
  const project = join(dir, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{"name":"project","version":"1.0.0","private":true,"type":"module"}');
  const file = readdirSync(dir).find((name) => name.endsWith(".tgz"));
  run(project, "npm", "install", "--offline", "--no-audit", "--no-fund", join(dir, file));
});

after(() => dir && rmSync(dir, { recursive: true, force: true }));

test("it holds the client, its types and the licence, and nothing else", () => {
  const installed = join(dir, "project", "node_modules", "parley-client");
  assert.deepEqual(readdirSync(installed).sort(), ["LICENSE", "package.json", "static", "types"]);
  assert.deepEqual(readdirSync(join(installed, "static")), ["client"]);
  assert.ok(existsSync(join(installed, "types", "index.d.ts")));
});

test("it can be imported where there is no browser", () => {
  const script = `
    import { join, Room, Signaling } from "parley-client";
    import { Signaling as same } from "parley-client/signaling";
    if (same !== Signaling || typeof join !== "function" || typeof Room !== "function") throw new Error("not what it should be");
    console.log("imported");`;
  assert.equal(run(join(dir, "project"), process.execPath, "--input-type=module", "-e", script), "imported\n");
});

const EXAMPLE = `
import { join, ParleyError, type PeerLink } from "parley-client";
import { Signaling } from "parley-client/signaling";

export async function call(stream: MediaStream, video: HTMLVideoElement): Promise<void> {
  const room = await join({ url: "wss://example.org/ws", room: "tea", token: async () => "t", metadata: { role: "host" } });
  room.addEventListener("peer", ({ detail: peer }) => {
    for (const track of stream.getTracks()) peer.connection.addTrack(track, stream);
    peer.connection.ontrack = ({ streams: [remote] }) => { video.srcObject = remote ?? null; };
  });
  room.addEventListener("state", ({ detail }) => {
    const status: "connecting" | "knocking" | "open" | "reconnecting" | "closed" = detail.status;
    if (detail.error instanceof ParleyError) console.log(status, detail.error.code, detail.error.closeCode, detail.in);
  });
  room.addEventListener("peerleft", ({ detail: { peer, reason } }) => console.log(peer.id, reason));
  room.addEventListener("note", ({ detail: { peer, note } }) => peer.tell({ type: "chat", text: String(note.text) }));
  const peers: ReadonlyMap<string, PeerLink> = room.peers;
  for (const peer of peers.values()) room.send(peer, { hello: peer.name });
  // @ts-expect-error there is no such event
  room.addEventListener("nothing", () => {});
  // @ts-expect-error a room is needed
  await join({});
  await room.leave();
}

export const signaling = new Signaling({ url: "wss://example.org/ws", room: "tea" });
signaling.addEventListener("peerjoined", ({ detail: { peer, polite } }) => console.log(peer.length, polite === true));
`;

test("its types suit a strict TypeScript project", () => {
  const project = join(dir, "project");
  writeFileSync(join(project, "example.ts"), EXAMPLE);
  for (const resolution of ["bundler", "nodenext"]) {
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      module: resolution === "bundler" ? "es2022" : "nodenext",
      moduleResolution: resolution,
      types: [],
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["example.ts"] }));
    run(project, process.execPath, join(web, "node_modules", "typescript", "bin", "tsc"), "--project", project);
  }
});
