import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { Room } from "../../static/client/room.js";
import { Signaling } from "../../static/client/signaling.js";
import { randomBy } from "./support/random.js";
import { build, link, next, skip, start } from "./support/server.js";
import { FakeInternet } from "./support/webrtc.js";

let built;
let rooms = 0;
const clients = [];

/** The tests wait little: what jitter does is tested elsewhere. */
const environment = { WebSocket, random: () => 0.05 };

async function joinAs(name, url, room, options = {}) {
  const signaling = new Signaling({ url, room, name, environment, ...options });
  clients.push(signaling);
  await signaling.join();
  return signaling;
}

const rejoin = ({ again }) => again;

const newRoom = () => `room ${++rooms}`;

/** Runs with a server of its own. */
async function serving(flags, run) {
  const server = await start(built.program, { flags });
  try {
    await run(server);
  } finally {
    for (const client of clients.splice(0)) client.close();
    await server.stop();
  }
}

describe("with the real server", { skip }, () => {
  before(() => {
    built = build();
  });
  after(() => built?.remove());

  test("two meet, talk, change and part", () =>
    serving([], async ({ url }) => {
      const room = newRoom();
      const ann = await joinAs("Ann", url, room, { metadata: { a: 1 } });
      const joins = next(ann, "peerjoined");
      const bob = await joinAs("Bob", url, room);
      assert.deepEqual(await joins, { peer: bob.self, name: "Bob", polite: false });
      assert.deepEqual([...bob.peers.values()], [{ peer: ann.self, name: "Ann", metadata: { a: 1 }, polite: true }]);

      const offered = next(bob, "signal");
      ann.send({ type: "offer", to: bob.self, sdp: "v=0\r\n", answers: "kept" });
      const { seq, ...signal } = await offered;
      assert.deepEqual(signal, { type: "offer", from: ann.self, sdp: "v=0\r\n", answers: "kept" });

      const heard = next(bob, "message");
      const data = { text: "héllo 😀", list: [1, null, "\u2028"] };
      ann.send({ type: "message", data, label: "parley" });
      const message = await heard;
      assert.deepEqual([message.from, message.data, message.label], [ann.self, data, "parley"]);

      const updated = next(bob, "peerupdated");
      ann.update({ name: "Anna", metadata: null });
      assert.deepEqual(await updated, { peer: ann.self, name: "Anna", polite: true });

      const undelivered = next(ann, "undelivered");
      const id = ann.send({ type: "message", to: "nobody", data: 1 });
      assert.deepEqual(await undelivered, { id, to: "nobody", code: "peer-unknown" });

      const refused = next(ann, "refused");
      const other = ann.send({ type: "no-such-type" });
      const { message: words, ...refusal } = await refused;
      assert.deepEqual(refusal, { id: other, code: "unknown-type", retryAfter: undefined });

      const servers = next(ann, "iceservers");
      ann.send({ type: "ice-servers" });
      assert.deepEqual((await servers).iceServers, []);

      const left = next(bob, "peerleft");
      await ann.leave();
      assert.deepEqual(await left, { peer: ann.self, reason: "left" });
      assert.deepEqual(ann.state, { status: "closed" });
    }));

  test("everything arrives exactly once and in order, however often connections are cut", { timeout: 60_000 }, () =>
    serving([], async ({ port }) => {
      const random = randomBy(7);
      const room = newRoom();
      const links = await Promise.all([link(port), link(port), link(port)]);
      const all = await Promise.all(links.map(({ url }, i) => joinAs(`${i}`, url, room)));
      const EACH = 300;
      const got = all.map(() => new Map());
      const complete = all.map((client, i) => {
        for (const other of all) if (other !== client) got[i].set(other.self, []);
        return next(client, "message", ({ from, data }) => {
          got[i].get(from).push(data);
          return [...got[i].values()].every((list) => list.length >= EACH);
        });
      });
      let cuts = 0;
      let resumes = 0;
      for (const client of all) client.addEventListener("resumed", () => resumes++);
      for (const client of all)
        client.addEventListener("joined", ({ detail }) => assert.ok(!detail.again, "a session was lost"));
      const cutting = setInterval(() => {
        links[Math.floor(random() * links.length)].cut();
        cuts++;
      }, 25);
      for (let n = 0; n < EACH; n++) {
        for (const [i, client] of all.entries()) {
          if (n % 3 === 0) client.send({ type: "message", data: n });
          else for (const other of all) if (other !== client) client.send({ type: "message", to: other.self, data: n });
          if (i === 0 && n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20)); // time for cuts
        }
      }
      await Promise.all(complete);
      clearInterval(cutting);
      const wanted = Array.from({ length: EACH }, (_, n) => n);
      for (const lists of got) for (const list of lists.values()) assert.deepEqual(list, wanted);
      assert.ok(cuts >= 10 && resumes >= 10, `${cuts} cuts, ${resumes} resumes`);
      await Promise.all(links.map((one) => one.close()));
    }),
  );

  test("what is sent too fast is paced, and arrives all the same", () =>
    serving(["--rate", "200", "--burst", "20"], async ({ url }) => {
      const room = newRoom();
      const ann = await joinAs("Ann", url, room);
      const bob = await joinAs("Bob", url, room);
      const got = [];
      const complete = next(bob, "message", ({ data }) => got.push(data) === 150);
      ann.addEventListener("refused", ({ detail }) => assert.fail(detail.message));
      for (let n = 0; n < 150; n++) ann.send({ type: "message", to: bob.self, data: n });
      await complete;
      assert.deepEqual(
        got,
        Array.from({ length: 150 }, (_, n) => n),
      );
    }));

  test("who was away for too long joins anew, and is told what is lost", () =>
    serving(["--grace", "1s"], async ({ port, url }) => {
      const room = newRoom();
      const way = await link(port);
      const ann = await joinAs("Ann", way.url, room);
      const bob = await joinAs("Bob", url, room);
      const before = ann.self;
      const left = next(bob, "peerleft");
      way.down();
      const id = ann.send({ type: "message", to: bob.self, data: "into the void" });
      assert.deepEqual(await left, { peer: before, reason: "timeout" });
      const lost = next(ann, "lost");
      const joined = next(ann, "joined", rejoin);
      const arrives = next(bob, "peerjoined");
      way.restore();
      assert.deepEqual(await lost, { messages: [{ id, type: "message", to: bob.self, data: "into the void" }] });
      assert.deepEqual(await joined, { again: true, previous: before });
      assert.equal((await arrives).peer, ann.self);
      assert.notEqual(ann.self, before);
      const heard = next(bob, "message");
      ann.send({ type: "message", to: bob.self, data: "here again" });
      assert.equal((await heard).data, "here again");
      await way.close();
    }));

  test("a lost connection is away and back for the others", () =>
    serving([], async ({ port, url }) => {
      const room = newRoom();
      const way = await link(port);
      const ann = await joinAs("Ann", way.url, room);
      const bob = await joinAs("Bob", url, room);
      const away = next(bob, "peeraway");
      way.down();
      await away;
      const back = next(bob, "peerback");
      way.restore();
      assert.deepEqual(await back, { peer: ann.self });
      await way.close();
    }));

  test("the same identity takes its own place, and the one before stops", () =>
    serving([], async ({ url }) => {
      const room = newRoom();
      const identity = "i".repeat(32);
      const one = await joinAs("one", url, room, { identity });
      const closed = next(one, "state", ({ status }) => status === "closed");
      await joinAs("two", url, room, { identity });
      const { error } = await closed;
      assert.equal(error.closeCode, 4501);
    }));

  test("a full room, and a name that cannot be", () =>
    serving(["--room-capacity", "1"], async ({ url }) => {
      const room = newRoom();
      await joinAs("one", url, room);
      await assert.rejects(joinAs("two", url, room), { code: "room-full" });
      await assert.rejects(joinAs("x".repeat(65), url, newRoom()), { code: "too-large" });
      await assert.rejects(joinAs("tab\t", url, newRoom()), { code: "bad-message" });
    }));

  test("who goes on breaking the rules is stopped, with a reason", () =>
    serving([], async ({ url }) => {
      const ann = await joinAs("Ann", url, newRoom());
      const closed = next(ann, "state", ({ status }) => status === "closed");
      for (let n = 0; n < 120; n++) ann.send({ type: "no-such-type" });
      const { error } = await closed;
      assert.equal(error.closeCode, 4505);
    }));

  test("a server that ends is reconnected to, and after a restart the room is joined anew", () =>
    serving([], async ({ url, port, stop }) => {
      const room = newRoom();
      const ann = await joinAs("Ann", url, room);
      const bob = await joinAs("Bob", url, room);
      const before = [ann.self, bob.self];
      const lost = [ann, bob].map((client) => next(client, "state", ({ status }) => status === "reconnecting"));
      const joined = [ann, bob].map((client) => next(client, "joined", rejoin));
      await stop("SIGTERM");
      await Promise.all(lost);
      const second = await start(built.program, { port });
      try {
        assert.deepEqual(
          await Promise.all(joined),
          before.map((previous) => ({ again: true, previous })),
        );
        const heard = next(bob, "message");
        ann.send({ type: "message", data: 1 });
        await heard;
      } finally {
        for (const client of clients.splice(0)) client.close();
        await second.stop();
      }
    }));

  test("calls outlive a restart of the server that has forgotten everyone", () =>
    serving([], async ({ url, port, stop }) => {
      const name = newRoom();
      const clock = { after: (ms, run) => setTimeout(run, ms), now: Date.now };
      const { RTCPeerConnection } = new FakeInternet(clock);
      const members = [];
      for (let n = 0; n < 3; n++) {
        const room = new Room({ url, room: name, environment: { ...environment, RTCPeerConnection } });
        clients.push(room);
        room.addEventListener("peer", ({ detail: peer }) => peer.connection.addTrack());
        await room.join();
        members.push(room);
      }
      const calls = () => members.flatMap((room) => [...room.peers.values()]);
      const meshed = () => calls().length === 6 && calls().every(({ channel }) => channel.readyState === "open");
      while (!meshed()) await new Promise((resolve) => setImmediate(resolve));
      const before = new Set(calls());
      const left = [];
      for (const room of members) room.addEventListener("peerleft", ({ detail }) => left.push(detail.reason));
      const moved = members.map((room) => {
        let count = 0;
        return next(room, "peermoved", () => ++count === 2);
      });
      await stop();
      const second = await start(built.program, { port });
      try {
        await Promise.all(moved);
        assert.deepEqual(left, []);
        for (const peer of calls()) assert.ok(before.has(peer));
        for (const room of members) {
          const others = members.filter((other) => other !== room).map(({ self }) => self);
          assert.deepEqual([...room.peers.keys()].sort(), others.sort());
        }
      } finally {
        for (const client of clients.splice(0)) client.close();
        await second.stop();
      }
    }));
});
