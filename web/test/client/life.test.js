import assert from "node:assert/strict";
import { test } from "node:test";
import { inRoom, joined, peer, reconnect, resumed, stage } from "./support/room.js";

test("a server that is silent is asked for a sign of life, and dropped without one", async () => {
  const on = await inRoom({ heartbeat: 30 });
  await on.clock.run(20_000);
  on.network.last.says({ type: "message", from: "ann", data: 1 });
  await on.clock.run(29_999);
  assert.deepEqual(on.network.last.take(), []);
  await on.clock.run(1);
  on.network.last.takeOne("ping");
  on.network.last.says({ type: "pong" });
  await on.clock.run(29_999);
  assert.deepEqual(on.network.last.take(), []);
  await on.clock.run(1);
  on.network.last.takeOne("ping");
  await on.clock.run(4999);
  assert.equal(on.network.last.closed, 0);
  await on.clock.run(1);
  assert.equal(on.network.sockets[0].closed, 3001);
  assert.equal(on.signaling.state.error.message, "nothing was heard from the server");
  await on.clock.run(500);
  assert.equal(on.network.last.takeOne("resume").session, "s1");
});

test("no heartbeat, no pings", async () => {
  const on = await inRoom({ heartbeat: 0 });
  await on.clock.run(3_600_000);
  assert.deepEqual(on.network.last.take(), []);
});

test("messages go out while a sign of life is awaited", async () => {
  const on = await inRoom();
  on.page.fire("offline");
  on.network.last.takeOne("ping");
  on.signaling.send({ type: "message", data: 1 });
  on.network.last.takeOne("message");
});

test("online, shown and awake: a connection is looked at, a lost one is sought at once", async () => {
  for (const wake of [
    (on) => on.page.fire("online"),
    (on) => on.page.show(true),
    (on) => on.page.document.dispatchEvent(new Event("resume")),
    async (on) => {
      on.clock.sleep(60_000);
      await on.clock.run(4000);
    },
  ]) {
    const on = await inRoom();
    await wake(on);
    on.network.last.takeOne("ping");
    on.network.last.says({ type: "pong" });
    on.network.mode = "fail";
    on.network.last.closes(1006);
    await on.clock.run(25_000);
    const sockets = on.network.sockets.length;
    on.network.mode = "open";
    await wake(on);
    await on.clock.run();
    assert.ok(on.network.sockets.length > sockets);
    on.network.last.takeOne("resume");
  }
});

test("hidden is nothing to be done about, and a late tick is no sleep", async () => {
  const on = await inRoom({ heartbeat: 0 });
  on.page.show(false);
  on.clock.sleep(9000);
  await on.clock.run(8000);
  assert.deepEqual(on.network.last.take(), []);
});

test("a page that goes says so", async () => {
  const on = await inRoom();
  on.page.fire("pagehide", { persisted: false });
  on.network.last.takeOne("leave");
  assert.equal(on.network.last.closed, 1000);
  assert.deepEqual(on.signaling.state, { status: "closed" });
});

test("a page that goes before it was let in is not waited for either", async () => {
  const { signaling, clock, network, page } = stage();
  signaling.join().catch(() => {});
  await clock.run();
  page.fire("pagehide", { persisted: false });
  assert.equal(network.last.closed, 1000);
});

test("a page that is put by comes back to its session", async () => {
  const on = await inRoom();
  on.page.fire("pagehide", { persisted: true });
  assert.deepEqual(on.network.last.take(), []);
  assert.equal(on.network.last.closed, 3001);
  await on.clock.run(60_000);
  assert.equal(on.network.sockets.length, 1);
  on.page.fire("pageshow", { persisted: false });
  assert.equal(on.network.sockets.length, 1);
  on.page.fire("pageshow", { persisted: true });
  await on.clock.run();
  assert.equal(on.network.last.takeOne("resume").session, "s1");
});

test("a server that drains is left at a random moment in its time", async () => {
  const on = await inRoom({}, { environment: { random: () => 0.5 } });
  on.network.last.says({ type: "draining", within: 20, seq: 1 });
  assert.deepEqual(on.take(), [["draining", { within: 20 }]]);
  await on.clock.run(9_999);
  assert.equal(on.network.last.closed, 0);
  await on.clock.run(1);
  assert.equal(on.network.sockets[0].closed, 3001);
  on.network.last.takeOne("resume");
  on.network.last.says(resumed());
  await on.clock.run(20_000);
  assert.equal(on.network.sockets.length, 2);
});

test("a server that drains and is gone earlier is not left a second time", async () => {
  const on = await inRoom();
  on.network.last.says({ type: "draining", within: 20, seq: 1 });
  on.network.last.closes(1012);
  await on.clock.run(500);
  on.network.last.says(resumed());
  await on.clock.run(25_000);
  assert.equal(on.network.sockets.length, 2);
});

test("leave says what was accepted, then leave, and waits for the close", async () => {
  const on = await inRoom();
  on.signaling.send({ type: "message", data: 1 });
  const left = on.signaling.leave();
  assert.deepEqual(
    on.network.last.take().map(({ type }) => type),
    ["message", "leave"],
  );
  assert.throws(() => on.signaling.send({ type: "message", data: 2 }), { code: "ended" });
  on.network.last.closes(1000);
  await left;
  assert.deepEqual(on.take(), [
    ["lost", { messages: [{ id: 1, type: "message", to: undefined, data: 1 }] }],
    ["state", { status: "closed" }],
  ]);
  await on.signaling.leave();
});

test("leave does not wait for ever", async () => {
  const on = await inRoom();
  const left = on.signaling.leave();
  await on.clock.run(5000);
  await left;
  assert.equal(on.network.last.closed, 1000);
});

test("who leaves while the connection is lost gets it back in order to leave", async () => {
  const on = await inRoom();
  await reconnect(on);
  on.network.last.closes(1006);
  const left = on.signaling.leave();
  await on.clock.run();
  on.network.last.takeOne("resume");
  on.network.last.says(resumed());
  assert.deepEqual(
    on.network.last.take().map(({ type }) => type),
    ["ack", "leave"],
  );
  on.network.last.closes(1000);
  await left;
});

test("who leaves and has lost the session has left", async () => {
  const on = await inRoom();
  await reconnect(on);
  const left = on.signaling.leave();
  on.network.last.says({ type: "error", code: "session-lost", message: "gone" });
  await left;
  assert.equal(on.signaling.state.status, "closed");

  const other = await inRoom();
  other.network.mode = "hang";
  other.network.last.closes(4100);
  const gone = other.signaling.leave();
  await gone;
});

test("who leaves and cannot come back is waited for by the others only", async () => {
  const on = await inRoom();
  on.network.mode = "fail";
  on.network.last.closes(1006);
  const left = on.signaling.leave();
  await on.clock.run();
  await left;
  assert.deepEqual(on.signaling.state, { status: "closed" });
});

test("close says nothing, and nothing follows it", async () => {
  const on = await inRoom({ peers: [peer("ann")] });
  on.signaling.close();
  assert.deepEqual(on.network.last.take(), []);
  assert.equal(on.network.last.closed, 3001);
  assert.deepEqual(on.take(), [["state", { status: "closed" }]]);
  on.page.fire("online");
  on.page.fire("pagehide", { persisted: false });
  await on.clock.run(60_000);
  assert.equal(on.network.sockets.length, 1);
  assert.deepEqual(on.take(), []);
});

test("a listener may leave or close at any moment", async () => {
  for (const act of ["leave", "close"]) {
    for (const status of ["connecting", "open", "reconnecting"]) {
      const { signaling, clock, network } = stage();
      signaling.addEventListener("state", ({ detail }) => {
        if (detail.status === status) signaling[act]();
      });
      signaling.join().catch(() => {});
      await clock.run();
      if (status !== "connecting") network.last.says(joined());
      if (status === "reconnecting") network.last.closes(1006);
      await clock.run(20_000);
      assert.equal(signaling.state.status, "closed", `${act} when ${status}`);
      assert.ok(
        network.sockets.every((socket) => socket.readyState === 3),
        `${act} when ${status}: a socket is left`,
      );
    }
  }
});
