import assert from "node:assert/strict";
import { test } from "node:test";
import { inRoom, joined, LIMITS, peer, reconnect, resumed } from "./support/room.js";
import { vectors } from "./support/vectors.js";

const message = (seq, more = {}) => ({ type: "message", from: "ann", data: seq, seq, ...more });

test("every close code leads where its range says", async () => {
  for (const { code, action } of vectors.close.filter(({ code }) => code !== 1005 && code !== 1015)) {
    const on = await inRoom();
    on.network.last.closes(code, "because");
    await on.clock.run(3000);
    if (action === "done" || action === "stop") {
      const [closed] = on.take("state");
      assert.equal(closed.status, "closed", `${code}`);
      assert.equal(closed.error?.closeCode, action === "stop" ? code : undefined, `${code}`);
      if (action === "stop") assert.equal(closed.error.message, "because");
      assert.equal(on.network.sockets.length, 1, `${code}`);
    } else {
      const [hello] = on.network.last.take();
      assert.equal(hello.type, action, `${code}`);
      assert.equal(on.signaling.state.status, "reconnecting");
    }
    on.signaling.close();
  }
});

test("a lost connection is resumed, in both directions", async () => {
  const on = await inRoom({ peers: [peer("ann")] });
  for (const data of [1, 2, 3]) on.signaling.send({ type: "message", to: "ann", data });
  assert.equal(on.network.last.take().length, 3);
  on.network.last.says(message(5, { ack: 1 }));
  on.network.last.closes(1006);
  on.signaling.send({ type: "message", to: "ann", data: 4 });
  await on.clock.run(500);
  assert.deepEqual(on.network.last.take(), [{ type: "resume", session: "s1", received: 5 }]);
  on.network.last.says(resumed({ received: 2, peers: [peer("ann")] }));
  assert.deepEqual(
    on.network.last.take().map(({ type, ack, data }) => [type, ack ?? data]),
    [
      ["ack", 5],
      ["message", 3],
      ["message", 4],
    ],
  );
  on.network.last.says(message(5));
  on.network.last.says(message(6));
  const told = on.take();
  assert.deepEqual(
    told.map(([type]) => type),
    ["message", "state", "state", "state", "iceservers", "resumed", "message"],
  );
  assert.deepEqual(told[5][1], { complete: true });
});

test("what was never written is sent after a restart of the server, as soon as its receiver is back", async () => {
  const on = await inRoom({ peers: [peer("ann"), peer("bob")] });
  on.network.last.closes(1012);
  on.signaling.send({ type: "message", to: "ann", data: "for one who is away" });
  on.signaling.send({ type: "message", to: "bob", data: "for one who is there" });
  await on.clock.run(500);
  on.network.last.take();
  on.network.last.says(resumed({ complete: false, peers: [peer("bob")] }));
  assert.deepEqual(on.take("lost"), []);
  assert.deepEqual(
    on.network.last.take().map(({ type, data }) => data ?? type),
    ["ack", "for one who is there"],
  );
  on.network.last.says({ type: "peer-back", peer: "ann", seq: 100 });
  assert.equal(on.network.last.takeOne("message").data, "for one who is away");
});

test("after a restart of the server a client says again who it is, if there is more to say than its first name", async () => {
  const restarted = resumed({ complete: false });
  const said = ({ network }) =>
    network.last
      .take()
      .filter(({ type }) => type === "update")
      .map(({ name, metadata }) => ({ name, metadata }));

  const named = await inRoom({}, { name: "Ann" });
  await reconnect(named, restarted);
  assert.deepEqual(said(named), []);
  named.signaling.update({ name: "Anna" });
  await reconnect(named, resumed());
  named.network.last.take();
  await reconnect(named, restarted);
  assert.deepEqual(said(named), [{ name: "Anna", metadata: null }]);

  const described = await inRoom({}, { metadata: { seat: 1 } });
  await reconnect(described, restarted);
  assert.deepEqual(said(described), [{ name: null, metadata: { seat: 1 } }]);
});

test("the newest secret counts, and the one before while the newest is not confirmed", async () => {
  const on = await inRoom();
  assert.equal((await reconnect(on)).session, "s1");
  assert.equal((await reconnect(on, resumed({ session: "s2" }))).session, "s1");
  assert.equal((await reconnect(on)).session, "s2");
});

test("a lost session is followed by a join on the same socket, with what has changed meanwhile", async () => {
  const on = await inRoom({ peer: "me" }, { name: "Ann", metadata: { a: 1 } });
  on.signaling.update({ name: "Anna", metadata: null });
  on.signaling.send({ type: "message", to: "bob", data: "lost" });
  on.network.last.says({ type: "ack", ack: 1 });
  assert.equal((await reconnect(on)).type, "resume");
  const sockets = on.network.sockets.length;
  on.network.last.says({ type: "error", code: "session-lost", message: "gone" });
  await on.clock.run();
  assert.equal(on.network.sockets.length, sockets);
  const hello = on.network.last.takeOne("join");
  assert.deepEqual([hello.name, "metadata" in hello], ["Anna", false]);
  on.take();
  on.network.last.says(joined({ peer: "me2", session: "t1", peers: [peer("bob")] }));
  assert.deepEqual(on.take(), [
    ["state", { status: "open" }],
    ["lost", { messages: [{ id: 2, type: "message", to: "bob", data: "lost" }] }],
    ["joined", { again: true, previous: "me" }],
  ]);
  assert.equal(on.signaling.self, "me2");
  on.signaling.send({ type: "message", to: "bob", data: "new" });
  assert.deepEqual(on.network.last.take(), [{ type: "message", to: "bob", data: "new", seq: 3 }]);
});

test("a rejoin that is refused for now is tried again, another refusal ends it", async () => {
  const on = await inRoom();
  on.network.last.closes(4100);
  await on.clock.run(500);
  on.network.last.says({ type: "error", code: "room-full", message: "full" });
  await on.clock.run(1000);
  assert.equal(on.network.last.takeOne("join").room, "tea");
  on.network.last.says({ type: "error", code: "forbidden", message: "not today" });
  assert.equal(on.signaling.state.error.message, "not today");
  assert.equal(on.signaling.state.status, "closed");
});

test("a resume that is refused for now keeps the session, and waits as long as the server wants", async () => {
  const on = await inRoom();
  await reconnect(on);
  on.network.last.says({ type: "error", code: "overloaded", message: "", retryAfter: 7 });
  const sockets = on.network.sockets.length;
  await on.clock.run(7000);
  assert.equal(on.network.sockets.length, sockets);
  await on.clock.run(3000);
  assert.equal(on.network.last.takeOne("resume").session, "s1");
});

test("the waits grow to 3 s while the session may live, then to 30 s", async () => {
  const on = await inRoom();
  await on.clock.run(1000);
  on.network.mode = "fail";
  on.network.last.closes(1006);
  await on.clock.run(200_000);
  const waits = on.take("state").filter((state) => state.in > 0);
  assert.deepEqual(
    waits.slice(0, 6).map((state) => [state.attempt, state.in]),
    [
      [1, 500],
      [2, 1000],
      [3, 2000],
      [4, 3000],
      [5, 3000],
      [6, 3000],
    ],
  );
  assert.equal(waits.at(-1).in, 30_000);
  const early = waits.filter((state) => state.in < 30_000).reduce((sum, state) => sum + state.in, 0);
  assert.ok(early >= 30_000 && early < 33_000, `${early}`);
});

test("a connection that lasted begins the waits anew, one that did not goes on with them", async () => {
  const on = await inRoom();
  const attempt = () => on.take("state").findLast((state) => state.in > 0).attempt;
  await reconnect(on, resumed());
  assert.equal(attempt(), 1);
  await reconnect(on, resumed());
  assert.equal(attempt(), 2);
  await on.clock.run(1000);
  await reconnect(on, resumed());
  assert.equal(attempt(), 1);
});

test("after a restart of the server the missing are away, until they come or their time is up", async () => {
  const on = await inRoom({ peers: [peer("ann"), peer("bob")] });
  on.signaling.send({ type: "message", to: "ann", data: "told" });
  await reconnect(on, resumed({ complete: false, peers: [peer("new")] }));
  assert.deepEqual(
    on.take().filter(([type]) => type !== "state" && type !== "iceservers"),
    [
      ["lost", { messages: [{ id: 1, type: "message", to: "ann", data: "told" }] }],
      ["resumed", { complete: false }],
      ["peerjoined", peer("new")],
      ["peeraway", { peer: "ann" }],
      ["peeraway", { peer: "bob" }],
    ],
  );
  on.network.last.take();
  on.signaling.send({ type: "message", to: "ann", data: "held" });
  const unsent = on.signaling.send({ type: "message", to: "bob", data: "held too" });
  on.signaling.send({ type: "message", to: "new", data: "now" });
  assert.equal(on.network.last.takeOne("message").data, "now");
  on.network.last.says({ type: "peer-back", peer: "ann", seq: 100 });
  assert.equal(on.network.last.takeOne("message").data, "held");
  await on.clock.run(29_000);
  assert.deepEqual(on.take("peerback", "peerleft"), [{ peer: "ann" }]);
  await on.clock.run(1000);
  assert.deepEqual(on.take(), [
    ["undelivered", { id: unsent, to: "bob", code: "peer-gone" }],
    ["peerleft", { peer: "bob", reason: "timeout" }],
  ]);
  assert.deepEqual([...on.signaling.peers.keys()], ["new", "ann"]);
});

test("what a resumed tells of the room is not told twice, and nothing is left out", async () => {
  const on = await inRoom({ peers: [peer("ann"), peer("bob"), peer("cy", { name: "Cy" })] });
  await reconnect(
    on,
    resumed({ peers: [peer("ann", { away: true }), peer("cy", { name: "Cyd" }), peer("dan", { polite: false })] }),
  );
  const presence = () => on.take().filter(([type]) => type.startsWith("peer"));
  assert.deepEqual(presence(), [
    ["peeraway", { peer: "ann" }],
    ["peerupdated", peer("cy", { name: "Cyd" })],
    ["peerjoined", peer("dan", { polite: false })],
  ]);
  let seq = 0;
  const says = (text) => on.network.last.says({ ...text, seq: ++seq });
  says({ type: "peer-away", peer: "ann" });
  says({ type: "peer-joined", peer: "dan", polite: false });
  says({ type: "peer-left", peer: "nobody", reason: "left" });
  says({ type: "peer-left", peer: "bob", reason: "kicked" });
  says({ type: "peer-back", peer: "ann" });
  says({ type: "peer-back", peer: "ann" });
  says({ type: "peer-updated", peer: "cy", name: null, metadata: { a: 1 } });
  says({ type: "peer-updated", peer: "nobody", name: "x" });
  assert.deepEqual(presence(), [
    ["peerleft", { peer: "bob", reason: "kicked" }],
    ["peerback", { peer: "ann" }],
    ["peerupdated", peer("cy", { metadata: { a: 1 } })],
  ]);
});

test("all kinds of messages are told", async () => {
  const on = await inRoom({ peers: [peer("ann")] });
  const id = on.signaling.send({ type: "message", to: "gone", data: 1 });
  const other = on.signaling.send({ type: "message", to: "ann", data: 2 });
  on.network.last.says({ type: "undelivered", to: "gone", of: id, code: "peer-gone", seq: 1, ack: other });
  on.network.last.says({ type: "error", code: "forbidden", message: "no", of: other, seq: 2 });
  on.network.last.says({ type: "ice-servers", iceServers: [{ urls: "stun:s" }], iceServersExpire: 60, seq: 3 });
  on.network.last.says({ type: "candidate", from: "ann", candidate: null, seq: 4 });
  on.network.last.says({ type: "knock", knock: "k", seq: 5 });
  on.network.last.says({ type: "room-updated", locked: true, seq: 6 });
  on.network.last.says({ type: "announcement", data: [1], seq: 7 });
  on.network.last.says({ type: "lamp", on: true, seq: 8 });
  on.network.last.says({ type: "pong" });
  assert.deepEqual(on.take(), [
    ["undelivered", { id, to: "gone", code: "peer-gone" }],
    ["refused", { id: other, code: "forbidden", message: "no", retryAfter: undefined }],
    ["iceservers", { iceServers: [{ urls: "stun:s" }], expire: 60 }],
    ["signal", { type: "candidate", from: "ann", candidate: null, seq: 4 }],
    ["knock", { knock: "k", name: "", over: false }],
    ["roomupdated", { locked: true }],
    ["announcement", { data: [1] }],
    ["other", { type: "lamp", on: true, seq: 8 }],
  ]);
  assert.deepEqual(on.signaling.iceServers, [{ urls: "stun:s" }]);
  assert.equal(on.signaling.locked, true);
});

test("a server that breaks the protocol is left for good", async () => {
  for (const text of [
    "{",
    '{"type":5}',
    JSON.stringify(joined()),
    JSON.stringify(resumed()),
    '{"type":"ack","ack":1}',
    '{"type":"message","data":1,"seq":1}',
    '{"type":"peer-left","seq":1}',
  ]) {
    const on = await inRoom();
    on.network.last.says(text);
    assert.equal(on.signaling.state.error?.code, "protocol", text);
    assert.equal(on.network.last.closed, 4505, text);
  }
  const binary = await inRoom();
  binary.network.last.onmessage({ data: new ArrayBuffer(1) });
  assert.equal(binary.network.last.closed, 4505);
});

test("a resumed that cannot be true breaks the protocol", async () => {
  for (const more of [{ peer: "you" }, { received: 1 }, { session: "" }, { type: "joined" }]) {
    const on = await inRoom();
    await reconnect(on, resumed(more));
    assert.equal(on.signaling.state.error?.code, "protocol", JSON.stringify(more));
  }
});

test("messages that wait for their turn go when it comes", async () => {
  const on = await inRoom({ limits: { ...LIMITS, rate: 10, burst: 4 } });
  for (let n = 0; n < 5; n++) on.signaling.send({ type: "message", to: "ann", data: n });
  assert.equal(on.network.last.take().length, 3);
  await on.clock.run(99);
  assert.equal(on.network.last.take().length, 0);
  await on.clock.run(1);
  assert.equal(on.network.last.take().length, 1);
  on.network.last.says(message(1));
  await on.clock.run(100);
  assert.equal(on.network.last.take()[0].ack, 1);
  on.network.last.says(message(2));
  await on.clock.run(1000);
  assert.deepEqual(on.network.last.take(), [{ type: "ack", ack: 2 }]);
});
