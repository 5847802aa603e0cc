import assert from "node:assert/strict";
import { test } from "node:test";
import { Hub } from "./support/hub.js";

/** Everyone has one working call with everyone else, under the ids that the server knows. */
function assertMeshed(hub, hint = "") {
  for (const page of hub.pages) {
    const others = hub.others(page).map(({ id }) => id);
    assert.deepEqual([...page.mesh.peers.keys()].sort(), others.sort(), `${hint} ${page.id}`);
    for (const [id, peer] of page.mesh.peers) {
      assert.equal(peer.id, id);
      assert.equal(peer.connection.connectionState, "connected", `${hint} ${page.id} with ${id}`);
      assert.equal(peer.channel.readyState, "open", `${hint} ${page.id} with ${id}`);
      assert.equal(peer.connection.signalingState, "stable", `${hint} ${page.id} with ${id}`);
      assert.equal(peer.connection.sends, "yes", `${hint} ${page.id} with ${id}`);
      assert.equal(peer.connection.agreed, peer.connection.tracks, `${hint} ${page.id} with ${id}`);
    }
  }
  assert.equal(
    hub.internet.all.size,
    hub.pages.length * (hub.pages.length - 1),
    `${hint}: connections are left behind`,
  );
  const errors = hub.pages.flatMap(({ heard }) => heard.filter(([type]) => type === "error"));
  assert.deepEqual(errors, [], hint);
}

const media = { onpeer: (peer) => peer.connection.addTrack() };

async function meeting(names, seed, options = media) {
  const hub = new Hub(seed);
  const pages = [];
  for (const name of names) {
    pages.push(hub.page(name, options));
    await hub.run(1000);
  }
  assertMeshed(hub);
  return { hub, pages, connections: pages.map((page) => [...page.mesh.peers.values()].map((peer) => peer.connection)) };
}

/** The connections are those of before. */
function assertKept({ pages, connections }) {
  const now = pages.map((page) => [...page.mesh.peers.values()].map((peer) => peer.connection));
  for (const [i, before] of connections.entries()) {
    for (const connection of before) assert.ok(now[i].includes(connection), `${pages[i].id} has another connection`);
  }
}

test("everyone is connected with everyone, whenever they come", async () => {
  const { hub, pages } = await meeting(["a", "b", "c"]);
  const [a, b, c] = pages;
  assert.deepEqual(a.take(), [
    ["peer", b.id],
    ["peer", c.id],
  ]);
  b.leaves();
  await hub.run(100);
  assert.deepEqual(a.take(), [["peerleft", b.id, "left"]]);
  assertMeshed(hub);
  hub.page("d", media);
  hub.page("e", media);
  await hub.run(1000);
  assertMeshed(hub);
  assert.equal(c.mesh.peers.size, 3);
});

test("only the newcomer makes a first offer", async () => {
  const { pages } = await meeting(["a", "b"]);
  const described = pages.map(({ sent }) => sent.map(({ type }) => type).filter((type) => type !== "candidate"));
  assert.deepEqual(described, [["answer"], ["offer"]]);
});

test("away and back, and what changes of a peer", async () => {
  const { pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  a.take();
  a.mesh.away(b.id, true);
  a.mesh.away(b.id, true);
  assert.equal(a.peer(b).away, true);
  a.mesh.away(b.id, false);
  a.mesh.updated({ peer: b.id, name: "Bo", metadata: { x: 1 }, polite: true });
  assert.deepEqual([a.peer(b).name, a.peer(b).metadata], ["Bo", { x: 1 }]);
  a.mesh.away("nobody", true);
  a.mesh.updated({ peer: "nobody", polite: true });
  assert.deepEqual(a.take(), [
    ["peeraway", b.id],
    ["peerback", b.id],
    ["peerupdated", b.id],
  ]);
});

test("who joins anew keeps the calls, and both sides know the new id", async () => {
  const met = await meeting(["a", "b", "c"]);
  const [a, b, c] = met.pages;
  const before = b.id;
  a.take();
  b.expires();
  await met.hub.run(5000);
  assert.deepEqual(a.take(), [["peeraway", before]], "the call goes on");
  b.join();
  await met.hub.run(1000);
  assertKept(met);
  assertMeshed(met.hub);
  assert.deepEqual(a.take(), [
    ["peermoved", b.id, before],
    ["peerback", b.id],
  ]);
  b.peer(c).connection.addTrack();
  a.peer(b).connection.addTrack();
  await met.hub.run(1000);
  assertKept(met);
  assertMeshed(met.hub);
});

test("who is replaced by its own rejoin keeps the calls, whether the server or it tells first", async () => {
  for (const first of ["left", "moved"]) {
    const met = await meeting(["a", "b"]);
    const [a, b] = met.pages;
    const before = b.id;
    if (first === "left") b.expires("replaced");
    if (first === "moved") b.peer(a).channel.send(JSON.stringify({ type: "moved", from: before, to: "b3" }));
    if (first === "moved") b.peer(a).channel.send(JSON.stringify({ type: "moved", from: "x", to: "b4" }));
    if (first === "moved") await met.hub.run(10);
    b.join();
    if (first !== "left") a.mesh.left(before, "replaced");
    await met.hub.run(5000);
    assertKept(met);
    assertMeshed(met.hub, first);
  }
});

test("everyone joins anew at once, in any order, and the calls are kept", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const met = await meeting(["a", "b", "c", "d"], seed);
    const { hub, pages } = met;
    for (const page of pages) {
      page.inside = false;
      page.roster = new Map();
    }
    for (const page of [...pages].sort(() => hub.random() - 0.5)) {
      page.join();
      await hub.run(hub.random() * 2000);
    }
    await hub.run(10_000);
    assertKept(met);
    assertMeshed(hub, `seed ${seed}`);
    for (const page of pages) {
      const seen = page.take("peer", "peerleft");
      assert.equal(seen.filter(([type]) => type === "peer").length, 3, "those of the beginning");
      assert.equal(seen.filter(([type]) => type === "peerleft").length, 0);
      page.peer(hub.others(page)[0]).connection.addTrack();
    }
    await hub.run(2000);
    assertMeshed(hub, `seed ${seed}`);
  }
});

test("a negotiation that was under way when a session was lost is begun again", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const met = await meeting(["a", "b"], seed);
    const [a, b] = met.pages;
    met.hub.internet.likeChromium = seed % 3 === 1;
    met.hub.internet.likeFirefox = seed % 3 === 2;
    a.peer(b).connection.addTrack();
    b.peer(a).connection.addTrack();
    await met.hub.run(met.hub.random() * 60);
    b.expires();
    await met.hub.run(met.hub.random() * 60);
    b.join();
    await met.hub.run(20_000);
    for (const page of met.pages) page.heard = page.heard.filter(([type]) => type !== "error"); // stale candidates
    assertKept(met);
    assertMeshed(met.hub, `seed ${seed}`);
  }
});

test("an offer that is lost with everyone's session is made again", async () => {
  for (const like of ["neither", "likeChromium", "likeFirefox"]) {
    const met = await meeting(["a", "b"]);
    const [a, b] = met.pages;
    met.hub.internet[like] = true;
    for (const page of met.pages) page.inside = false;
    a.peer(b).connection.addTrack();
    await met.hub.run(100);
    assert.equal(a.peer(b).connection.signalingState, "have-local-offer");
    for (const page of met.pages) page.join();
    await met.hub.run(5000);
    assertKept(met);
    assertMeshed(met.hub, like);
  }
});

test("without a call that stands it is built anew", async () => {
  const { hub, pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  const before = b.id;
  a.take();
  hub.internet.cut();
  b.expires();
  await hub.run(100);
  assert.deepEqual(a.take(), [["peerleft", before, "timeout"]]);
  hub.internet.mend();
  b.take();
  b.join();
  await hub.run(1000);
  assertMeshed(hub);
  assert.deepEqual(b.take(), [
    ["peerleft", a.id, "rebuilt"],
    ["peer", a.id],
  ]);
  assert.deepEqual(a.take(), [["peer", b.id]]);
});

test("a peer that only echoes what it hears gives a sign of life with it", async () => {
  const met = await meeting(["a", "b"]);
  const [a, b] = met.pages;
  const { channel } = b.peer(a);
  const send = channel.send.bind(channel);
  channel.send = (data) => data.includes("probe-answer") || send(data);
  channel.addEventListener("message", ({ data }) => send(data));
  a.expires();
  a.join();
  await met.hub.run(5000);
  assertKept(met);
  assertMeshed(met.hub);
});

test("a call that only seems to stand is built anew after a moment", async () => {
  const { hub, pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  hub.internet.up = false; // and nobody has noticed
  b.expires();
  a.mesh.close("closed"); // a's page was loaded anew, say
  hub.pages = [b];
  const fresh = hub.page("a", media);
  await hub.run(100);
  b.take();
  b.join();
  hub.internet.up = true;
  await hub.run(2000);
  assert.equal(fresh.mesh.peers.size, 1);
  await hub.run(10_000);
  assertMeshed(hub);
});

test("a new id waits while somebody is unaccounted for, and is new if nobody claims it", async () => {
  const { hub, pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  b.expires();
  await hub.run(100);
  a.take();
  const silent = hub.page("s", { onpeer: (peer) => peer.connection.restartIce() });
  silent.mesh.close("closed"); // offers nothing
  await hub.run(1900);
  assert.deepEqual(a.take(), []);
  await hub.run(100);
  assert.deepEqual(a.take(), [["peer", silent.id]]);
});

test("a new id that offers is new, whoever is unaccounted for", async () => {
  const { hub, pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  b.expires();
  await hub.run(100);
  const c = hub.page("c", media);
  await hub.run(500);
  assert.equal(a.peer(c).connection.connectionState, "connected");
  b.join();
  await hub.run(5000);
  assertMeshed(hub);
});

test("a peer that is gone while the call stands has left when the call ends", async () => {
  for (const end of [(b) => b.mesh.close("closed"), (_, hub) => hub.internet.cut()]) {
    const { hub, pages } = await meeting(["a", "b"]);
    const [a, b] = pages;
    const { id } = b;
    b.expires();
    await hub.run(60_000);
    assert.equal(a.mesh.peers.size, 1);
    a.take();
    hub.pages = [a];
    end(b, hub);
    await hub.run(20_000);
    assert.deepEqual(a.take(), [["peerleft", id, "timeout"]]);
    assert.equal(a.mesh.peers.size, 0);
  }
});

test("one who was replaced and does not say who it is now has left", async () => {
  const { hub, pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  const { id } = b;
  b.expires("replaced");
  await hub.run(1999);
  assert.equal(a.mesh.peers.size, 1);
  a.take();
  await hub.run(1);
  assert.deepEqual(a.take(), [["peerleft", id, "replaced"]]);
});

test("who was kicked, or has left, is gone at once", async () => {
  for (const reason of ["kicked", "left", "closed"]) {
    const { pages } = await meeting(["a", "b"]);
    const [a, b] = pages;
    b.expires(reason);
    assert.equal(a.mesh.peers.size, 0, reason);
  }
});

test("nobody takes the place of somebody else by claiming the id", async () => {
  const { hub, pages } = await meeting(["a", "b", "c"]);
  const [a, b, c] = pages;
  const connection = a.peer(c).connection;
  b.peer(a).channel.send(JSON.stringify({ type: "moved", from: b.id, to: c.id }));
  await hub.run(100);
  assert.equal(a.peer(c).connection, connection);
  const next = `d${Number(c.id.slice(1)) + 1}`;
  b.peer(a).channel.send(JSON.stringify({ type: "moved", from: b.id, to: next }));
  await hub.run(100);
  const d = hub.page("d", media);
  assert.equal(d.id, next);
  await hub.run(5000);
  assert.equal(a.peer(d).connection.connectionState, "connected");
  assert.equal(a.peer(d).connection.remote, d.peer(a).connection.session);
});

test("a peer that has begun anew is met anew", async () => {
  const { hub, pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  a.take();
  b.mesh.close("closed");
  const again = hub.page("b2", media);
  again.id = b.id; // the same seat, with a connection of its own
  hub.pages = [a, again];
  await hub.run(3000);
  assert.ok(a.take("peer", "peerleft").length >= 1);
});

test("notes are told, and what is not one is passed over", async () => {
  const { hub, pages } = await meeting(["a", "b"]);
  const [a, b] = pages;
  a.heard = [];
  b.peer(a).tell({ type: "chat", text: "hello" });
  for (const text of ["{", "null", "[]", "5", "{}", '{"type":5}', '{"type":"verified"}', '{"type":"moved"}']) {
    b.peer(a).channel.send(text);
  }
  await hub.run(100);
  assert.deepEqual(a.heard, [["note", { peer: a.peer(b), note: { type: "chat", text: "hello" } }]]);
  b.heard = [];
  const answers = [];
  b.peer(a).channel.addEventListener("message", ({ data }) => answers.push(JSON.parse(data)));
  b.peer(a).channel.send('{"type":"probe","id":"x"}');
  await hub.run(100);
  assert.deepEqual(answers, [{ type: "probe-answer", id: "x" }]);
  for (const type of ["probe", "probe-answer", "verified", "moved", undefined]) {
    assert.throws(() => b.peer(a).tell({ type }), TypeError);
  }
});

test("a note goes by the server while there is no channel", async () => {
  const hub = new Hub();
  const a = hub.page("a");
  const b = hub.page("b");
  b.peer(a).tell({ type: "chat", text: "early" });
  assert.deepEqual(b.sent.at(-1), {
    type: "message",
    to: a.id,
    data: { type: "chat", text: "early" },
    label: "parley",
  });
});

test("ice servers that a browser does not take are told, and the call is tried without", async () => {
  const hub = new Hub();
  const bad = hub.page("bad", { iceServers: [{ urls: "bad:" }] });
  hub.page("good");
  await hub.run(1000);
  assert.equal(bad.heard[0][0], "error");
  assert.equal(bad.heard[0][1].error.name, "SyntaxError");
  bad.heard = [];
  assertMeshed(hub);
  bad.mesh.iceServers = [{ urls: "stun:s" }];
  const [peer] = bad.mesh.peers.values();
  assert.deepEqual(peer.connection.getConfiguration().iceServers, [{ urls: "stun:s" }]);
  bad.mesh.iceServers = [{ urls: "bad:" }];
  assert.equal(bad.heard[0][1].peer, peer);
});

test("what cannot be sent is told, unless the call has ended", async () => {
  const hub = new Hub();
  const a = hub.page("a");
  const b = hub.page("b");
  const failing = new Error("too many wait");
  b.mesh.peers.get(a.id).connection.addEventListener("negotiationneeded", () => {
    b.sent.push = () => {
      throw failing;
    };
  });
  await hub.run(100);
  assert.ok(b.heard.some(([type, { error }]) => type === "error" && error === failing));
});
