import assert from "node:assert/strict";
import { test } from "node:test";
import { join, ParleyError, PeerLink, Room, Signaling } from "../../static/client/index.js";
import { Clock } from "./support/clock.js";
import { randomBy } from "./support/random.js";
import { FakePage, joined, peer, resumed } from "./support/room.js";
import { FakeNetwork } from "./support/socket.js";
import { FakeInternet } from "./support/webrtc.js";

/** A room that was joined, with the server and the browser played by the test. */
async function joinedRoom(welcome = {}, options = {}) {
  const clock = new Clock();
  const network = new FakeNetwork(clock);
  const internet = new FakeInternet(clock);
  const page = new FakePage();
  const environment = {
    WebSocket: network.WebSocket,
    RTCPeerConnection: internet.RTCPeerConnection,
    after: clock.after,
    now: clock.now,
    random: randomBy(1),
    page,
    document: page.document,
    storage: undefined,
    locks: undefined,
  };
  const joining = join({ url: "wss://host/ws", room: "tea", ...options, environment });
  await clock.run();
  const hello = network.last.takeOne("join");
  network.last.says(joined(welcome));
  const room = await joining;
  const heard = [];
  for (const type of EVENTS) room.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  await clock.run();
  return { clock, network, internet, page, room, heard, hello };
}

const EVENTS = [
  ...["state", "joined", "peer", "peerleft", "peeraway", "peerback", "peerupdated", "peermoved", "message", "note"],
  ...[
    "undelivered",
    "refused",
    "lost",
    "iceservers",
    "knock",
    "roomupdated",
    "announcement",
    "draining",
    "error",
    "other",
  ],
];

test("what is exported", () => {
  assert.ok([join, ParleyError, PeerLink, Room, Signaling].every((value) => typeof value === "function"));
});

test("everyone in the room is told as a peer with a connection", async () => {
  const iceServers = [{ urls: "stun:s" }];
  const rtc = { iceTransportPolicy: "relay", iceServers: [{ urls: "stun:own" }] };
  const { room, heard } = await joinedRoom(
    { peers: [peer("ann", { name: "Ann", metadata: { a: 1 } })], iceServers },
    { rtc },
  );
  assert.deepEqual(
    heard.map(([type]) => type),
    ["joined", "peer"],
  );
  const ann = heard[1][1];
  assert.equal(room.peers.get("ann"), ann);
  assert.deepEqual([ann.id, ann.name, ann.metadata, ann.away], ["ann", "Ann", { a: 1 }, false]);
  assert.deepEqual(ann.connection.getConfiguration(), { iceTransportPolicy: "relay", iceServers });
  assert.equal(ann.channel.label, "parley");
  assert.equal(room.self, "me");
  assert.deepEqual(room.iceServers, iceServers);
  assert.deepEqual(room.state, { status: "open" });
});

test("own ice servers count while the server gives none", async () => {
  const rtc = { iceServers: [{ urls: "stun:own" }] };
  const { heard } = await joinedRoom({ peers: [peer("ann")] }, { rtc });
  assert.deepEqual(heard[1][1].connection.getConfiguration(), rtc);
});

test("newer ice servers reach the connections", async () => {
  const { room, network, heard } = await joinedRoom({ peers: [peer("ann")] });
  assert.equal(room.requestIceServers(), 1);
  network.last.says({ type: "ice-servers", iceServers: [{ urls: "turn:t" }], iceServersExpire: 9, seq: 1 });
  assert.deepEqual(heard.at(-1), ["iceservers", { iceServers: [{ urls: "turn:t" }], expire: 9 }]);
  assert.deepEqual(room.peers.get("ann").connection.getConfiguration().iceServers, [{ urls: "turn:t" }]);
});

test("all that can be sent", async () => {
  const { room, network } = await joinedRoom({ peers: [peer("ann")] }, { reports: false });
  const ann = room.peers.get("ann");
  const ids = [
    room.send("ann", 1),
    room.send(ann, null),
    ann.send([2]),
    room.broadcast({ a: 1 }),
    room.update({ name: "", metadata: { b: 1 } }),
    room.update({ metadata: null }),
    room.report({ about: "ann", state: "connected", path: "relay", elapsed: 5 }),
    room.kick(ann),
    room.kick("bob"),
    room.lock(true),
    room.closeRoom(),
    room.admit("k"),
    room.deny("k"),
    room.command({ type: "lamp", on: true }),
  ];
  assert.deepEqual(
    ids,
    ids.map((_, i) => i + 1),
  );
  const sent = network.last.take().filter(({ type }) => type !== "offer");
  assert.deepEqual(
    sent.map(({ seq, ...rest }) => rest),
    [
      { type: "message", to: "ann", data: 1 },
      { type: "message", to: "ann", data: null },
      { type: "message", to: "ann", data: [2] },
      { type: "message", data: { a: 1 } },
      { type: "update", name: null, metadata: { b: 1 } },
      { type: "update", metadata: null },
      { type: "report", about: "ann", state: "connected", path: "relay", elapsed: 5 },
      { type: "kick", about: "ann" },
      { type: "kick", about: "bob" },
      { type: "lock", locked: true },
      { type: "close" },
      { type: "admit", knock: "k" },
      { type: "deny", knock: "k" },
      { type: "lamp", on: true },
    ],
  );
  assert.equal(room.waiting, ids.length);
  assert.throws(() => room.broadcast(undefined), TypeError);
  assert.throws(() => room.tell({ type: "probe" }), TypeError);
});

test("messages and notes are told with their peer", async () => {
  const { room, network, heard } = await joinedRoom({ peers: [peer("ann")] });
  const ann = room.peers.get("ann");
  heard.length = 0;
  let seq = 0;
  const says = (more) => network.last.says({ type: "message", from: "ann", seq: ++seq, ...more });
  says({ data: 5 });
  says({ data: { type: "chat", text: "hi" }, label: "parley" });
  says({ data: { type: "moved", to: "x" }, label: "parley" });
  says({ data: 5, label: "parley" });
  says({ data: 6, from: "nobody" });
  assert.deepEqual(heard, [
    ["message", { peer: ann, from: "ann", data: 5 }],
    ["note", { peer: ann, note: { type: "chat", text: "hi" } }],
    ["message", { peer: undefined, from: "nobody", data: 6 }],
  ]);
});

test("a note to all goes to each, by the server where there is no channel yet", async () => {
  const { room, network } = await joinedRoom({ peers: [peer("ann"), peer("bob")] });
  network.last.take();
  room.tell({ type: "chat", text: "hi" });
  assert.deepEqual(
    network.last.take().map(({ to, data, label }) => [to, data.text, label]),
    [
      ["ann", "hi", "parley"],
      ["bob", "hi", "parley"],
    ],
  );
});

test("the room's events are passed on", async () => {
  const { room, network, heard } = await joinedRoom({ peers: [peer("ann")] });
  heard.length = 0;
  const id = room.send("gone", 1);
  network.last.says({ type: "undelivered", to: "gone", of: id, code: "peer-gone", seq: 1 });
  network.last.says({ type: "undelivered", to: "ann", of: id, code: "peer-slow", seq: 2 });
  network.last.says({ type: "error", of: id, code: "forbidden", message: "no", seq: 3 });
  network.last.says({ type: "draining", within: 20, seq: 4 });
  network.last.says({ type: "knock", knock: "k", seq: 5 });
  network.last.says({ type: "peer-joined", peer: "bob", polite: false, seq: 6 });
  network.last.says({ type: "peer-updated", peer: "bob", name: "Bob", seq: 7 });
  network.last.says({ type: "peer-away", peer: "bob", seq: 8 });
  network.last.says({ type: "peer-back", peer: "bob", seq: 9 });
  network.last.says({ type: "peer-left", peer: "bob", reason: "left", seq: 10 });
  assert.deepEqual(
    heard.map(([type, detail]) => [type, detail.id ?? detail.peer?.id ?? detail.within ?? detail.knock]),
    [
      ["undelivered", id],
      ["undelivered", id],
      ["refused", id],
      ["draining", 20],
      ["knock", "k"],
      ["peer", "bob"],
      ["peerupdated", "bob"],
      ["peeraway", "bob"],
      ["peerback", "bob"],
      ["peerleft", "bob"],
    ],
  );
});

test("the loss of what the room itself sent is not the application's concern", async () => {
  const { room, network, heard, clock } = await joinedRoom({ peers: [peer("ann")] });
  await clock.run(50);
  assert.ok(room.waiting > 0, "an offer and candidates");
  const id = room.send("ann", "mine");
  heard.length = 0;
  network.last.closes(4100);
  await clock.run(1000);
  network.last.takeOne("join");
  network.last.says(joined({ peer: "me2", session: "t1" }));
  const lost = heard.filter(([type]) => type === "lost");
  assert.deepEqual(lost, [["lost", { messages: [{ id, type: "message", to: "ann", data: "mine" }] }]]);
  assert.deepEqual(heard.at(-1)[0], "peerleft");
});

test("after an incomplete resume negotiations are begun again", async () => {
  const { network, clock, room } = await joinedRoom({ peers: [peer("ann")] });
  await clock.run(50);
  const { connection } = room.peers.get("ann");
  assert.equal(connection.signalingState, "have-local-offer");
  network.last.closes(1006);
  await clock.run(1000);
  network.last.says(resumed({ complete: false, peers: [peer("ann")] }));
  await clock.run(100);
  assert.equal(connection.offers, 2);
  assert.ok(network.last.take().some(({ type }) => type === "offer"));
});

test("leaving ends the calls at once, and nobody is met any more", async () => {
  const { room, network, heard, internet } = await joinedRoom({ peers: [peer("ann")] });
  heard.length = 0;
  const left = room.leave();
  assert.deepEqual(
    heard.map(([type]) => type),
    ["peerleft"],
  );
  assert.equal(internet.all.size, 0);
  network.last.says({ type: "peer-joined", peer: "bob", polite: false, seq: 1 });
  assert.equal(room.peers.size, 0);
  assert.equal(network.last.take().at(-1).type, "leave");
  network.last.closes(1000);
  await left;
  assert.deepEqual(heard.at(-1), ["state", { status: "closed" }]);
});

test("a page that goes, and a room that is closed, end the calls", async () => {
  for (const end of [({ page }) => page.fire("pagehide", { persisted: false }), ({ room }) => room.close(), kicked]) {
    const on = await joinedRoom({ peers: [peer("ann")] });
    on.heard.length = 0;
    end(on);
    assert.deepEqual(
      on.heard.map(([type]) => type),
      ["peerleft", "state"],
    );
    assert.equal(on.internet.all.size, 0);
    on.page.fire("online");
  }
});

const kicked = ({ network }) => network.last.closes(4503, "bye");

test("without WebRTC there is no room, but signaling", () => {
  assert.throws(() => new Room({ url: "wss://host/ws", room: "tea" }), /use Signaling/);
});
