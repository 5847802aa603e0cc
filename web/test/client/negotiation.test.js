import assert from "node:assert/strict";
import { test } from "node:test";
import { Negotiation } from "../../static/client/negotiation.js";
import { Clock } from "./support/clock.js";
import { Wire } from "./support/link.js";
import { randomBy } from "./support/random.js";
import { FakeInternet } from "./support/webrtc.js";

/** Two sides, joined by two wires. The first is the newcomer: polite, and the one who offers first. */
function pair({ seed = 1, held = true } = {}) {
  const random = randomBy(seed);
  const clock = new Clock();
  const internet = new FakeInternet(clock, random);
  const sides = [true, false].map((polite) => {
    const pc = new internet.RTCPeerConnection({});
    const side = { pc, wire: new Wire(clock, random), sent: [], errors: [], polite };
    side.negotiation = new Negotiation(pc, {
      polite,
      held: held && !polite,
      send: (type, content) => {
        side.sent.push(type);
        side.wire.send(() => side.other.negotiation.receive({ type, from: "other", ...content }));
      },
      fail: (error) => side.errors.push(error),
    });
    return side;
  });
  [sides[0].other, sides[1].other] = [sides[1], sides[0]];
  const connect = () => {
    for (const { pc } of sides) pc.createDataChannel("parley", { negotiated: true, id: 0 });
  };
  return { clock, internet, random, newcomer: sides[0], earlier: sides[1], sides, connect };
}

/** Both sides agree on everything, and are connected. */
function assertAgreed(sides, hint = "") {
  for (const { pc, polite, errors } of sides) {
    const which = `${hint} polite: ${polite}`;
    assert.deepEqual(errors, [], which);
    assert.equal(pc.signalingState, "stable", which);
    assert.equal(pc.agreed, pc.tracks, which);
    assert.equal(pc.sends, "yes", which);
    assert.equal(pc.connectionState, "connected", which);
  }
}

const described = (side) => side.sent.filter((type) => type !== "candidate");

test("the newcomer offers first, even if the other has tracks to add", async () => {
  const { clock, newcomer, earlier, sides, connect } = pair();
  earlier.pc.addTrack();
  connect();
  await clock.run(5);
  assert.deepEqual(earlier.sent, []);
  await clock.run(1000);
  assert.equal(described(newcomer)[0], "offer");
  assert.equal(described(earlier)[0], "answer");
  assertAgreed(sides);
});

test("what the first offer does not settle is offered by the other side after it", async () => {
  const { clock, newcomer, earlier, sides, connect } = pair();
  newcomer.pc.addTrack();
  earlier.pc.addTrack();
  earlier.pc.addTrack();
  connect();
  await clock.run(1000);
  assertAgreed(sides);
  assert.deepEqual(described(newcomer), ["offer", "answer"]);
  assert.deepEqual(described(earlier), ["answer", "offer"]);
});

test("whoever holds back offers when it need not any more", async () => {
  const { clock, earlier, newcomer, sides, connect } = pair();
  newcomer.negotiation.held = true;
  earlier.pc.addTrack();
  connect();
  await clock.run(1000);
  assert.deepEqual([...earlier.sent, ...newcomer.sent], []);
  earlier.negotiation.held = false;
  await clock.run(1000);
  newcomer.negotiation.held = false;
  await clock.run(1000);
  assertAgreed(sides);
});

test("two sides that change things at any moment come to an agreement", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { clock, random, sides, connect, internet } = pair({ seed, held: random50(seed) });
    internet.likeChromium = seed % 3 === 1;
    connect();
    for (let change = 0; change < 8; change++) {
      const { pc } = sides[random() < 0.5 ? 0 : 1];
      if (random() < 0.7) pc.addTrack();
      else pc.restartIce();
      await clock.run(random() * 60);
    }
    await clock.run(3000);
    assertAgreed(sides, `seed ${seed}`);
  }
});

const random50 = (seed) => seed % 2 === 0;

test("signals that were lost are made good by beginning again", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { clock, random, sides, connect, internet } = pair({ seed });
    internet.likeChromium = seed % 3 === 1;
    internet.likeFirefox = seed % 3 === 2;
    connect();
    await clock.run(random() * 100);
    for (const { pc } of sides) pc.addTrack();
    for (const { wire } of sides) wire.up = false;
    await clock.run(random() * 100);
    for (const { wire } of sides) wire.up = true;
    for (const { negotiation } of sides) negotiation.recover(true);
    await clock.run(3000);
    for (const side of sides) side.errors = side.errors.filter((error) => error.message !== "another generation");
    assertAgreed(sides, `seed ${seed}`);
  }
});

test("candidates are gathered anew, whoever offers and whatever role the other side would choose", async () => {
  const { clock, internet, sides, connect } = pair();
  internet.likeFirefox = true;
  connect();
  await clock.run(1000);
  for (const { negotiation, pc } of [...sides, ...sides]) {
    const { restarts } = pc;
    negotiation.restart();
    await clock.run(1000);
    assertAgreed(sides);
    assert.equal(pc.restarts, restarts + 1);
  }
});

test("a candidate that comes before any description waits for it", async () => {
  const { clock, newcomer, earlier } = pair();
  newcomer.pc.createDataChannel("parley", { id: 0 });
  const candidate = { candidate: "candidate:1", usernameFragment: `${newcomer.pc.session}.1` };
  newcomer.negotiation.held = true;
  await earlier.negotiation.receive({ type: "candidate", from: "x", candidate });
  assert.equal(earlier.pc.candidates.size, 0);
  newcomer.negotiation.held = false;
  await clock.run(20);
  await clock.run(1000);
  assert.ok(earlier.pc.candidates.has(candidate.usernameFragment));
  assert.deepEqual(earlier.errors, []);
});

test("the ends of candidates are passed on as they are, and never a failure", async () => {
  const { clock, newcomer, earlier, sides, connect } = pair();
  const seen = [];
  const add = earlier.pc.addIceCandidate.bind(earlier.pc);
  earlier.pc.addIceCandidate = (init) => {
    seen.push(init);
    return init?.candidate ? add(init) : Promise.reject(new TypeError("an old browser"));
  };
  connect();
  await clock.run(1000);
  assertAgreed(sides);
  assert.deepEqual(
    seen.map((init) => init?.candidate.slice(0, 9)),
    ["candidate", "", undefined],
  );
  await earlier.negotiation.receive({ type: "candidate", from: "x", candidate: "" });
  assert.deepEqual(seen.at(-1), { candidate: "", sdpMLineIndex: 0 });
  await earlier.negotiation.receive({ type: "candidate", from: "x" });
  assert.equal(seen.length, 4);
  assert.deepEqual(earlier.errors, []);
  assert.equal(newcomer.sent.filter((type) => type === "candidate").length, 3);
});

test("a candidate that does not fit is told, except that of an offer that was passed over", async () => {
  const { clock, earlier, newcomer, connect } = pair({ held: false });
  const wrong = { candidate: "candidate:1", usernameFragment: "wrong" };
  connect();
  await clock.run(1000);
  const working = earlier.negotiation.receive({ type: "candidate", from: "x", candidate: wrong });
  await clock.run(10);
  await working;
  assert.deepEqual(
    earlier.errors.map((error) => error.name),
    ["OperationError"],
  );
  earlier.pc.addTrack();
  newcomer.pc.addTrack();
  await clock.run(3000);
  assert.equal(earlier.errors.length, 1);
});

test("an answer that nobody waits for is passed over, a description that cannot be set is told", async () => {
  const { clock, earlier, connect, sides } = pair();
  connect();
  await clock.run(1000);
  const sdp = earlier.pc.remoteDescription.sdp;
  await earlier.negotiation.receive({ type: "answer", from: "x", sdp });
  assertAgreed(sides);
  const failing = earlier.negotiation.receive({ type: "offer", from: "x", sdp: sdp.replace(/o=- \d+/, "o=- 1") });
  await clock.run(10);
  await failing;
  assert.equal(earlier.errors.length, 1);
});

test("a description of another connection is told apart", async () => {
  const { clock, earlier, connect } = pair();
  const sdp = "v=0\r\no=- 77 1 IN IP4 0.0.0.0\r\n";
  assert.equal(earlier.negotiation.isStrange({ type: "offer", from: "x", sdp }), false, "nothing came before");
  connect();
  await clock.run(1000);
  const same = earlier.pc.remoteDescription.sdp;
  assert.equal(earlier.negotiation.isStrange({ type: "offer", from: "x", sdp }), true);
  assert.equal(earlier.negotiation.isStrange({ type: "answer", from: "x", sdp }), true);
  assert.equal(
    earlier.negotiation.isStrange({ type: "offer", from: "x", sdp: same.replace(/ \d+ IN/, " 99 IN") }),
    false,
  );
  assert.equal(earlier.negotiation.isStrange({ type: "offer", from: "x" }), false, "sealed");
  assert.equal(earlier.negotiation.isStrange({ type: "candidate", from: "x", candidate: null }), false);
});

test("nothing is told of a connection that was closed meanwhile", async () => {
  const { clock, earlier, newcomer, sides, connect } = pair();
  connect();
  newcomer.pc.addTrack();
  await clock.run(3);
  for (const { pc } of sides) pc.close();
  earlier.negotiation.restart();
  await earlier.negotiation.recover(true);
  await clock.run(1000);
  for (const { errors } of sides) assert.deepEqual(errors, []);
});
