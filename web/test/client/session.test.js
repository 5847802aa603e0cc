import assert from "node:assert/strict";
import { test } from "node:test";
import { ParleyError } from "../../static/client/codes.js";
import { MAX_WAITING, Session } from "../../static/client/session.js";
import { randomBy } from "./support/random.js";
import { joined, LIMITS, resumed } from "./support/room.js";

/** A session that was joined, and short ways to use it. */
function begun(limits = {}) {
  const session = new Session();
  session.begin(joined({ limits: { ...LIMITS, ...limits } }), 0);
  const say = (data, to = "ann") => session.send({ type: "message", to, data });
  /** What it writes at a time, as `data` of messages and `ack` of acknowledgements. */
  const written = (now = 0, others = 1) => {
    const all = [];
    for (;;) {
      const { frame, at } = session.step(now, others);
      if (frame === null) return { all, at };
      all.push(JSON.parse(frame));
    }
  };
  const data = (now, others) => written(now, others).all.map((message) => message.data ?? message.type);
  const hears = (seq, now = 0) => session.accept({ seq }, now);
  return { session, say, written, data, hears };
}

const resend = (session, received, now = 0) => session.resume(resumed({ received, limits: LIMITS }), now);

test("messages are numbered and written in order, once", () => {
  const { say, written } = begun();
  assert.deepEqual([say(1), say("two"), say(null)], [1, 2, 3]);
  const { all, at } = written();
  assert.deepEqual(all, [
    { type: "message", to: "ann", data: 1, seq: 1 },
    { type: "message", to: "ann", data: "two", seq: 2 },
    { type: "message", to: "ann", data: null, seq: 3 },
  ]);
  assert.equal(at, Number.POSITIVE_INFINITY);
});

test("an acknowledgement is written after 16 messages or a second, and rides on what goes out anyway", () => {
  const { session, say, written, hears } = begun();
  for (let seq = 1; seq <= 15; seq++) assert.ok(hears(seq, 10));
  assert.deepEqual(written(10), { all: [], at: 1010 });
  hears(16, 20);
  assert.deepEqual(written(20).all, [{ type: "ack", ack: 16 }]);
  hears(17, 30);
  hears(18, 500);
  assert.deepEqual(written(1029), { all: [], at: 1030 });
  assert.deepEqual(written(1030).all, [{ type: "ack", ack: 18 }]);
  hears(19, 2000);
  say(1);
  assert.equal(written(2000).all[0].ack, 19);
  assert.deepEqual(written(9000), { all: [], at: Number.POSITIVE_INFINITY });
  assert.equal(hears(19, 9000), false, "a duplicate");
  assert.deepEqual(written(10_000).all, [{ type: "ack", ack: 19 }], "the server seems not to know");
  assert.ok(hears(25, 10_000), "numbers may skip");
  assert.equal(session.received, 25);
});

test("what is not acknowledged is written again above received, after the acknowledgement that confirms the secret", () => {
  const { session, say, data, hears, written } = begun();
  for (const n of [1, 2, 3]) say(n);
  assert.deepEqual(data(), [1, 2, 3]);
  hears(5);
  session.accept({ ack: 1 }, 0);
  say(4);
  resend(session, 2);
  assert.equal(session.secret, "s2");
  assert.deepEqual(
    written().all.map(({ type, seq, ack }) => [type, seq ?? ack]),
    [
      ["ack", 5],
      ["message", 3],
      ["message", 4],
    ],
  );
  resend(session, 0);
  assert.deepEqual(data(), ["ack", 2, 3, 4], "received may go back: nothing is dropped before it is acknowledged");
  session.accept({ ack: 4 }, 0);
  assert.equal(session.waiting, 0);
});

test("numbers that were never sent break the protocol", () => {
  const { session, say, data } = begun();
  say(1);
  assert.throws(() => session.accept({ ack: 1 }, 0), ParleyError);
  assert.throws(() => resend(session, 1), ParleyError);
  data();
  session.accept({ ack: 1 }, 0);
  assert.throws(() => session.accept({ ack: 2 }, 0), ParleyError);
  assert.equal(session.secret, "s1");
});

test("what belonged to a lost session is told, and never written into the next", () => {
  const { session, say, data } = begun();
  say(1);
  data();
  session.accept({ ack: 1 }, 0);
  say(2, "bob");
  data();
  say(3);
  const lost = session.begin(joined({ session: "t1", limits: LIMITS }), 0);
  assert.deepEqual(lost, [
    { id: 2, type: "message", to: "bob", data: 2 },
    { id: 3, type: "message", to: "ann", data: 3 },
  ]);
  assert.equal(session.received, 0);
  assert.throws(() => session.accept({ ack: 3 }, 0), ParleyError, "numbers of the session before");
  assert.equal(say(4), 4, "an id stays unique");
  assert.deepEqual(data(), [4]);
});

test("an incomplete resume repeats nothing, and tells what may be lost", () => {
  const { session, say, data } = begun();
  say(1);
  data();
  say(2); // not written yet
  session.resume(resumed({ complete: false, received: 0 }), 0);
  const lost = session.forfeit(() => false);
  assert.deepEqual(
    lost.map(({ id }) => id),
    [1],
  );
  assert.deepEqual(data(), ["ack", 2]);
});

test("no more go out than may be unacknowledged", () => {
  const { session, say, data } = begun({ unacknowledged: 3 });
  for (let n = 1; n <= 5; n++) say(n);
  assert.deepEqual(data(), [1, 2, 3]);
  session.accept({ ack: 2 }, 0);
  assert.deepEqual(data(), [4, 5]);
  session.resume(resumed({ received: 3, limits: { ...LIMITS, unacknowledged: 3 } }), 0);
  assert.deepEqual(data(), ["ack", 4, 5]);
});

test("messages are paced, broadcasts cost one for each 16 receivers, repeats nothing", () => {
  const { session, say, data, written } = begun({ rate: 10, burst: 20 });
  for (let n = 1; n <= 17; n++) say(n);
  assert.equal(data(0).length, 15);
  assert.equal(written(0).at, 100);
  assert.equal(data(200).length, 2);
  session.resume(resumed({ limits: { ...LIMITS, rate: 10, burst: 20 } }), 200);
  assert.equal(data(200).length, 18, "an ack, and all of it again");
  session.send({ type: "message", data: "all" });
  assert.deepEqual(written(300, 17), { all: [], at: 400 });
  assert.deepEqual(data(400, 17), ["all"]);
});

test("while messages wait for their turn, acknowledgements do not", () => {
  const { say, data, hears } = begun({ rate: 1, burst: 1 });
  say(1);
  say(2);
  assert.deepEqual(data(0), [1]);
  hears(1, 0);
  assert.deepEqual(data(999), []);
  hears(2, 0);
  assert.deepEqual(data(1000), [2]);
  say(3);
  hears(3, 1000);
  for (let seq = 4; seq <= 20; seq++) hears(seq, 1000);
  assert.deepEqual(data(1001), ["ack"]);
});

const limited = (of, more = {}) => ({ type: "error", code: "rate-limited", message: "", of, ...more });

test("what was refused for the rate goes again under a new number, in order, and keeps its id", () => {
  const { session, say, written, data } = begun({ unacknowledged: 4 });
  for (let n = 1; n <= 6; n++) say(n);
  assert.deepEqual(data(0), [1, 2, 3, 4]);
  assert.equal(session.refused(limited(3), 0), undefined);
  assert.equal(say(7), 7);
  session.accept({ ack: 3 }, 0);
  assert.deepEqual(data(0), [], "nothing overtakes it");
  assert.equal(session.refused(limited(4), 10), undefined, "it was in flight behind");
  session.accept({ ack: 4 }, 10);
  assert.deepEqual(data(1009), []);
  const again = written(60_000).all;
  assert.deepEqual(
    again.map((message) => message.data),
    [3, 4, 5, 6],
  );
  assert.ok(again.every(({ seq }, i) => seq > 7 && (i === 0 || seq > again[i - 1].seq)));
  assert.equal(session.id(again[0].seq), 3);
  session.accept({ ack: again[3].seq }, 0);
  assert.deepEqual(data(60_000), [7]);
});

test("the pause after a refusal is the server's, and at least a second", () => {
  for (const [retryAfter, pause] of [
    [undefined, 1000],
    [0, 1000],
    [7, 7000],
  ]) {
    const { session, say, data } = begun();
    say(1);
    data(0);
    session.refused(limited(1, { retryAfter }), 0);
    assert.deepEqual(data(pause - 1), [], `${retryAfter}`);
    assert.deepEqual(data(pause), [1]);
  }
});

test("what was in flight behind a refused message is waited for, but not for ever", () => {
  const { session, say, data } = begun();
  say(1);
  say(2);
  data(0);
  session.refused(limited(1), 0);
  assert.deepEqual(data(2999), []);
  assert.deepEqual(data(3000), [1]);
});

test("a refusal that comes after the acknowledgement is understood", () => {
  const { session, say, data } = begun();
  say(1);
  data(0);
  session.accept({ ack: 1 }, 0);
  assert.equal(session.waiting, 0);
  assert.equal(session.refused(limited(1), 0), undefined);
  assert.deepEqual(data(1000), [1]);
  const forbidden = { type: "error", code: "forbidden", message: "" };
  const seq = 2;
  assert.equal(session.refused({ ...forbidden, of: seq }, 0), 1, "by the id that the application knows");
  assert.equal(session.waiting, 0);
  assert.equal(session.refused(forbidden, 0), 0);
  assert.equal(session.refused(limited(99), 0), 99, "not known any more");
});

test("messages for a peer that is expected back are held, then sent or given up", () => {
  const { session, say, data } = begun();
  const id = session.send({ type: "message", to: "bob", data: "later" }, true);
  say("now");
  assert.deepEqual(data(), ["now"]);
  assert.equal(session.waiting, 2);
  session.release("bob");
  session.release("ann");
  assert.deepEqual(data(), ["later"]);
  const [given] = [session.send({ type: "message", to: "cy", data: "never" }, true)];
  assert.deepEqual(session.drop("cy"), [given]);
  assert.deepEqual(session.drop("cy"), []);
  assert.ok(given > id);
  session.send({ type: "message", to: "cy", data: "lost" }, true);
  assert.deepEqual(
    session.lose().map((sent) => sent.data),
    ["later", "now", "lost"],
    "in the order of sending",
  );
});

test("leave follows all that was accepted", () => {
  const { session, say, data } = begun({ unacknowledged: 1 });
  say(1);
  say(2);
  session.leave();
  assert.deepEqual(data(), [1]);
  session.accept({ ack: 1 }, 0);
  assert.deepEqual(data(), [2, "leave"]);
  assert.deepEqual(data(), []);
});

test("what is too long, or too much, is not accepted", () => {
  const { session, say } = begun({ message: 1000 });
  assert.throws(() => say("x".repeat(1000)), { code: "too-large" });
  assert.throws(() => say("€".repeat(400)), { code: "too-large" }, "bytes count");
  say("€".repeat(200));
  while (session.waiting < MAX_WAITING) say(1);
  assert.throws(() => say(1), { code: "too-many-waiting" });
});

test("a loss in both directions at any moment: everything arrives once, in order", () => {
  for (let seed = 1; seed <= 200; seed++) assertExactlyOnce(seed);
});

/** A client and a server whose link is cut at random moments. */
function assertExactlyOnce(seed) {
  const random = randomBy(seed);
  const { session, say, hears } = begun({ unacknowledged: 8 });
  const server = { received: 0, got: [], sent: 0, acked: 0 };
  const heard = [];
  let said = 0;
  for (let round = 0; round < 60 || server.got.length < said || heard.length < server.sent; round++) {
    if (round < 50 && random() < 0.6) say(++said);
    if (round < 50 && random() < 0.6) server.sent++;
    for (let frames = Math.floor(random() * 6); frames > 0; frames--) {
      const { frame } = session.step(round * 1000, 1);
      if (frame === null) break;
      const message = JSON.parse(frame);
      server.acked = message.ack ?? server.acked;
      if (message.seq > server.received) {
        server.received = message.seq;
        server.got.push(message.data);
      }
    }
    if (random() < 0.5) {
      for (let seq = server.acked + 1; seq <= server.sent && random() < 0.8; seq++)
        if (hears(seq, round * 1000)) heard.push(seq);
    }
    if (random() < 0.5 || round >= 60) session.accept({ ack: server.received }, round * 1000);
    if (random() < 0.3) resend(session, Math.max(0, server.received - Math.floor(random() * 2)), round * 1000);
    assert.ok(round < 2000, `seed ${seed}: ${server.got.length} of ${said}, ${heard.length} of ${server.sent}`);
  }
  assert.deepEqual(
    server.got,
    Array.from({ length: said }, (_, i) => i + 1),
    `seed ${seed}`,
  );
  assert.deepEqual(
    heard,
    Array.from({ length: server.sent }, (_, i) => i + 1),
    `seed ${seed}`,
  );
}
