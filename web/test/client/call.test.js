import assert from "node:assert/strict";
import { test } from "node:test";
import { Hub } from "./support/hub.js";

async function connected(seed) {
  const hub = new Hub(seed);
  const a = hub.page("a", { reports: true });
  const b = hub.page("b", { reports: true });
  await hub.run(1000);
  const [x, y] = [a.peer(b).connection, b.peer(a).connection];
  assert.equal(x.connectionState, "connected");
  return { hub, a, b, x, y };
}

const reports = (page) => page.sent.filter(({ type }) => type === "report").map(({ type, ...report }) => report);

test("a connection that has failed is brought back, by the newcomer at once", async () => {
  const { hub, x, y } = await connected();
  hub.internet.cut();
  await hub.run(1000);
  hub.internet.up = true; // by another path: the old candidates are no good
  await hub.run(4500);
  assert.equal(y.restarts, 1, "it is not waited until it has failed");
  await hub.run(5000);
  assert.deepEqual([x.connectionState, y.connectionState], ["connected", "connected"]);
  assert.ok(x.restarts <= 1);
});

test("an interruption that ends by itself is let be", async () => {
  const { hub, x, y } = await connected();
  hub.internet.cut();
  await hub.run(3000);
  hub.internet.mend();
  await hub.run(30_000);
  assert.deepEqual([x.connectionState, x.restarts, y.restarts], ["connected", 0, 0]);
});

test("restarts are tried with growing waits, and not while one is under way", async () => {
  const { hub, x, y } = await connected();
  hub.internet.cut();
  await hub.run(60_000);
  const early = x.restarts + y.restarts;
  await hub.run(540_000);
  const late = x.restarts + y.restarts - early;
  assert.ok(early >= 4 && early <= 20, `${early} restarts in the first minute`);
  assert.ok(late >= 9 && late <= 80, `${late} restarts in the nine after it`);
  hub.internet.mend();
  await hub.run(60_000);
  assert.deepEqual([x.connectionState, y.connectionState], ["connected", "connected"]);
  const { restarts } = x;
  await hub.run(600_000);
  assert.equal(x.restarts, restarts);
});

test("when the network has changed an interruption is not waited out", async () => {
  const { hub, b, y } = await connected();
  b.mesh.nudge();
  await hub.run(100);
  assert.equal(y.restarts, 0);
  hub.internet.cut();
  await hub.run(100);
  b.mesh.nudge();
  await hub.run(100);
  assert.equal(y.restarts, 1);
});

test("a signal that did not reach a peer is made good, not too often", async () => {
  const { hub, a, b, y } = await connected();
  for (let n = 0; n < 50; n++) b.mesh.missed(a.id);
  b.mesh.missed("nobody");
  await hub.run(5000);
  assert.equal(y.offers, 1, "nothing was under way");
  a.away = true;
  b.hub.pages = [b]; // the offer is lost
  y.addTrack();
  await hub.run(50);
  assert.equal(y.signalingState, "have-local-offer");
  b.hub.pages = [a, b];
  for (let n = 0; n < 50; n++) b.mesh.missed(a.id);
  await hub.run(5000);
  assert.equal(y.signalingState, "stable");
  assert.equal(y.offers, 3);
});

test("a call whose other side is another is built anew", async () => {
  const { hub, a, b, x } = await connected();
  a.take();
  x.connectionState = "failed"; // and iceConnectionState stays connected
  x.dispatchEvent(new Event("connectionstatechange"));
  await hub.run(1000);
  assert.deepEqual(a.take("peer"), []);
  await hub.run(5000);
  assert.deepEqual(a.take("peer", "peerleft"), [
    ["peerleft", b.id, "rebuilt"],
    ["peer", b.id],
  ]);
  assert.equal(a.peer(b).connection.connectionState, "connected");
  assert.equal(b.peer(a).connection.connectionState, "connected");
});

test("when a description cannot be set the call is built anew, each time after a longer while", async () => {
  const { hub, a, b } = await connected();
  const failing = (page) => {
    page.peer(page === a ? b : a).connection.setRemoteDescription = () => Promise.reject(new Error("cannot be"));
  };
  failing(a);
  a.take();
  b.peer(a).connection.addTrack();
  await hub.run(500);
  assert.deepEqual(a.take("error", "peerleft"), [["error", b.id]]);
  await hub.run(5000);
  assert.deepEqual(a.take("peer", "peerleft"), [
    ["peerleft", b.id, "rebuilt"],
    ["peer", b.id],
  ]);
  assert.equal(a.peer(b).connection.connectionState, "connected");
  assert.equal(b.peer(a).connection.connectionState, "connected");

  let built = 0;
  a.mesh.peers.get(b.id).connection.setRemoteDescription = () => Promise.reject(new Error("cannot be"));
  a.onpeer = (peer) => {
    built++;
    peer.connection.setRemoteDescription = () => Promise.reject(new Error("never"));
  };
  b.peer(a).connection.addTrack();
  await hub.run(600_000);
  assert.ok(built > 15 && built < 60, `${built} in ten minutes`);
});

test("the server is told how it went", async () => {
  const { hub, a, b } = await connected();
  const [first, ...more] = reports(a);
  assert.deepEqual({ ...first, elapsed: 0 }, { about: b.id, state: "connected", path: "srflx", elapsed: 0 });
  assert.ok(first.elapsed > 0 && first.elapsed < 1000);
  assert.deepEqual(more, []);
  hub.internet.cut();
  await hub.run(60_000);
  assert.deepEqual(
    reports(a)
      .slice(1)
      .map(({ state }) => state),
    ["failed"],
  );
  hub.internet.mend();
  await hub.run(60_000);
  a.mesh.close("closed");
  assert.deepEqual(
    reports(a)
      .slice(1)
      .map(({ state }) => state),
    ["failed", "closed"],
  );
});

test("a browser that has no connectionState is understood", async () => {
  const { hub, x, y } = await connected();
  for (const pc of [x, y]) Object.defineProperty(pc, "connectionState", { get: () => undefined, set: () => {} });
  x.iceConnectionState = "completed";
  y.iceConnectionState = "disconnected";
  y.dispatchEvent(new Event("iceconnectionstatechange"));
  await hub.run(5100);
  assert.equal(y.restarts, 1);
});
