import assert from "node:assert/strict";
import { test } from "node:test";
import { Signaling } from "../../static/client/signaling.js";
import { inRoom, joined, peer, reconnect, resumed, stage } from "./support/room.js";

/** What a promise was rejected with. */
const failure = (promise) =>
  promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );

test("a join says who comes, and resolves when the room was joined", async () => {
  const options = {
    name: "Ann",
    metadata: { role: "host" },
    token: "t0ken",
    password: "pw",
    identity: "i".repeat(22),
  };
  const { hello, signaling, network, take } = await inRoom({ peer: "me", peers: [peer("bob")] }, options);
  assert.deepEqual(hello, { type: "join", room: "tea", ...options });
  assert.equal(network.last.url, "wss://host/ws");
  assert.equal(network.last.offered, "parley.v1");
  assert.equal(signaling.self, "me");
  assert.deepEqual([...signaling.peers.keys()], ["bob"]);
  assert.deepEqual(signaling.state, { status: "open" });
  assert.deepEqual(take(), []);
});

test("listeners that are added after the join miss nothing", async () => {
  const { signaling, clock, network } = stage();
  const joining = signaling.join();
  await clock.run();
  network.last.says(joined({ peers: [peer("bob")] }));
  network.last.says({ type: "message", from: "bob", data: 1, seq: 1 });
  network.last.says({ type: "peer-left", peer: "bob", reason: "left", seq: 2 });
  await joining;
  const heard = [];
  for (const type of ["joined", "message", "peerleft"]) signaling.addEventListener(type, () => heard.push(type));
  assert.deepEqual(heard, []);
  await clock.run();
  assert.deepEqual(heard, ["joined", "message", "peerleft"]);
});

test("the address may be relative, of http, a URL, or what a function gives", async () => {
  for (const [url, wanted] of [
    ["https://host/base/ws", "wss://host/base/ws"],
    ["http://localhost:8080/ws#x", "ws://localhost:8080/ws"],
    [new URL("wss://host/ws"), "wss://host/ws"],
    [() => "wss://host/1", "wss://host/1"],
    [async () => new URL("wss://host/2"), "wss://host/2"],
  ]) {
    const { signaling, clock, network } = stage({ url });
    signaling.join().catch(() => {});
    await clock.run();
    assert.equal(network.last.url, wanted);
  }
});

test("an address or a room that cannot be right is refused at once", () => {
  for (const options of [
    { url: "ftp://host/ws" },
    { url: "wss://user:secret@host/ws" },
    { url: "/ws" },
    { room: "" },
    { room: undefined },
    { url: undefined },
  ]) {
    assert.throws(() => stage(options), TypeError, JSON.stringify(options));
  }
});

test("a refusal is told, and the socket is given up", async () => {
  const { signaling, clock, network, take } = stage();
  const joining = failure(signaling.join());
  await clock.run();
  network.last.says({ type: "error", code: "room-full", message: "the room has its 16 peers" });
  const error = await joining;
  assert.equal(error.code, "room-full");
  assert.equal(error.message, "the room has its 16 peers");
  assert.equal(network.last.closed, 3001);
  assert.deepEqual(take("state").at(-1), { status: "closed", error });
  await clock.run(60_000);
  assert.equal(network.sockets.length, 1);
  assert.throws(() => signaling.send({ type: "message", data: 1 }), { code: "ended" });
});

test("a refusal after which the server closes is told together with the code", async () => {
  const { signaling, clock, network } = stage();
  const joining = failure(signaling.join());
  await clock.run();
  network.last.says({ type: "error", code: "unauthorized", message: "the token is not for this room" });
  network.last.closes(4500);
  const error = await joining;
  assert.deepEqual(
    [error.code, error.closeCode, error.message],
    ["unauthorized", 4500, "the token is not for this room"],
  );
});

test("a close frame that is lost after a refusal is known all the same", async () => {
  const { signaling, clock, network } = stage();
  const joining = failure(signaling.join());
  await clock.run();
  network.last.says({ type: "error", code: "unauthorized", message: "no" });
  network.last.closes(1006);
  assert.equal((await joining).closeCode, 4500);
});

test("passing troubles are tried again for a while before the first join", async () => {
  const { signaling, clock, network, take } = stage();
  network.mode = "fail";
  const joining = failure(signaling.join());
  await clock.run(7_499);
  const states = take("state");
  assert.deepEqual(
    states.filter((state) => state.in !== 0).map((state) => [state.status, state.attempt, state.in]),
    [
      ["connecting", 1, 500],
      ["connecting", 2, 1000],
      ["connecting", 3, 2000],
      ["connecting", 4, 4000],
    ],
  );
  await clock.run(1);
  const error = await joining;
  assert.deepEqual([error.code, error.closeCode], ["unreachable", 1006]);
  assert.equal(network.sockets.length, 5);
});

test("patience is a setting, and what the server asks for counts", async () => {
  const impatient = stage({ patience: 0 });
  impatient.network.mode = "fail";
  const failing = failure(impatient.signaling.join());
  await impatient.clock.run();
  assert.equal((await failing).code, "unreachable");

  const patient = stage({ patience: Number.POSITIVE_INFINITY });
  const joining = patient.signaling.join();
  await patient.clock.run();
  patient.network.last.says({ type: "error", code: "overloaded", message: "later", retryAfter: 40 });
  patient.page.fire("online");
  await patient.clock.run(40_000);
  assert.equal(patient.network.sockets.length, 1);
  await patient.clock.run(500);
  patient.network.last.says(joined());
  await joining;
});

test("a server that does not answer is given up", async () => {
  for (const mode of ["hang", "open"]) {
    const { signaling, clock, network, take } = stage({ patience: 0 });
    network.mode = mode;
    const joining = failure(signaling.join());
    await clock.run(9_999);
    assert.equal(take("state").at(-1)?.status, "connecting");
    await clock.run(1);
    assert.equal((await joining).code, "unreachable");
  }
});

test("a server that speaks something else is told apart", async () => {
  const { signaling, clock, network } = stage();
  network.mode = "hang";
  const joining = failure(signaling.join());
  await clock.run();
  network.last.opens("other");
  assert.equal((await joining).code, "unsupported-version");
});

test("an address that a browser refuses ends it", async () => {
  class Refusing {
    constructor() {
      throw new Error("insecure");
    }
  }
  const { signaling, clock } = stage({ environment: { WebSocket: Refusing } });
  const joining = failure(signaling.join());
  await clock.run();
  assert.match((await joining).message, /insecure/);
});

test("the join can be given up from outside", async () => {
  const controller = new AbortController();
  const { signaling, clock, network } = stage({ signal: controller.signal });
  network.mode = "hang";
  const joining = failure(signaling.join());
  await clock.run();
  controller.abort(new Error("enough"));
  assert.equal((await joining).message, "enough");
  assert.equal(network.last.closed, 3001);

  const late = stage({ signal: controller.signal });
  assert.equal((await failure(late.signaling.join())).message, "enough");
  assert.equal(late.network.sockets.length, 0);
});

test("after the join the signal counts no more", async () => {
  const controller = new AbortController();
  const on = await inRoom({}, { signal: controller.signal });
  controller.abort();
  assert.equal(on.signaling.state.status, "open");
});

test("who must be admitted waits for it", async () => {
  const { signaling, clock, network, take } = stage();
  const joining = signaling.join();
  await clock.run();
  network.last.says({ type: "waiting" });
  assert.deepEqual(take("state").at(-1), { status: "knocking" });
  await clock.run(600_000);
  network.last.says(joined());
  await joining;
});

test("a token is asked for before every join, and one that fails is asked for again", async () => {
  const tokens = ["one", new Error("the token server is down"), "two"];
  const token = async () => {
    const next = tokens.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  const on = await inRoom({}, { token });
  assert.equal(on.hello.token, "one");
  on.network.last.says({ type: "error", code: "token-expired", message: "too old" });
  on.network.last.closes(4102);
  await on.clock.run(3000);
  const [hello] = on.network.last.take();
  assert.equal(hello.type, "join");
  assert.equal(hello.token, "two");
  assert.deepEqual(
    on
      .take("state")
      .filter((state) => state.error)
      .map((state) => state.error.code)
      .filter((code, i, all) => code !== all[i - 1]),
    ["token-expired", "no-token"],
  );
  assert.deepEqual(tokens, []);
});

test("a token that cannot be had anew is not sent again", async () => {
  const { signaling, clock, network } = stage({ token: "old" });
  const joining = failure(signaling.join());
  await clock.run();
  network.last.says({ type: "error", code: "token-expired", message: "too old" });
  network.last.closes(4102);
  assert.equal((await joining).code, "token-expired");
});

test("a fresh token is sent in the session", async () => {
  let n = 0;
  const on = await inRoom({}, { token: () => `t${++n}` });
  assert.equal(await on.signaling.authenticate(), 1);
  assert.deepEqual(on.network.last.take(), [{ type: "authenticate", token: "t2", seq: 1 }]);
});

test("the address is asked for before every connection", async () => {
  const urls = ["wss://host/1", new Error("nowhere"), "wss://host/2"];
  const on = await inRoom(
    {},
    {
      url: async () => {
        const next = urls.shift();
        if (next instanceof Error) throw next;
        return next;
      },
    },
  );
  assert.equal((await reconnect(on, resumed())).type, "resume");
  assert.equal(on.network.last.url, "wss://host/2");
});

test("nothing can be sent before the room was joined", () => {
  const { signaling } = stage();
  assert.throws(() => signaling.send({ type: "message", data: 1 }), { code: "not-joined" });
});

test("a second join is the first one", async () => {
  const { signaling, clock, network } = stage();
  const both = [signaling.join(), signaling.join()];
  await clock.run();
  network.last.says(joined());
  await Promise.all(both);
  assert.equal(network.sockets.length, 1);
});

test("without the browser's classes it can be loaded all the same", () => {
  assert.throws(() => new Signaling({ room: "tea" }), /url is needed/);
});
