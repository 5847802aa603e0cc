import assert from "node:assert/strict";
import { test } from "node:test";
import { initial, reduce } from "../../static/page/state.js";
import { largeOf, tilesOf } from "../../static/page/tiles.js";

/** @typedef {import("../../static/page/state.js").Action} Action */
/** @typedef {import("../../static/page/types.js").State} State */

/** @param {string} id @param {Partial<import("../../static/page/types.js").Peer>} [more] @returns {Action} */
const peer = (id, more = {}) => ({
  type: "peer",
  fresh: true,
  peer: { id, name: `Name of ${id}`, mic: true, camera: true, screen: null, away: false, ...more },
});

/** @type {Action[]} */
const ENTER = [
  { type: "named", name: "Ann" },
  { type: "went", screen: "green", room: "tea" },
  { type: "joining" },
  { type: "joined", self: "me", relay: false, now: 1000, may: [], locked: false },
];

/** @param {...Action} actions @returns {State} */
const after = (...actions) => [...ENTER, ...actions].reduce(reduce, initial());

test("from the first page into the room and out of it", () => {
  const states = ENTER.map((_, i) => ENTER.slice(0, i + 1).reduce(reduce, initial()));
  assert.deepEqual(
    states.map(({ screen }) => screen),
    ["landing", "green", "green", "room"],
  );
  assert.deepEqual(
    states.map(({ connection }) => connection),
    ["idle", "idle", "joining", "open"],
  );
  const left = after({ type: "ended", now: 5000 });
  assert.equal(left.screen, "after");
  assert.equal(left.endedAt - left.startedAt, 4000);
  assert.equal(left.trouble, null);
  assert.deepEqual(left.visited, ["tea"]);
  const kicked = after({ type: "ended", now: 5000, code: "kicked", detail: "because" });
  assert.deepEqual(kicked.trouble, { code: "kicked", detail: "because" });
});

test("a join that fails leaves one in the green room, with the reason", () => {
  const slow = [...ENTER.slice(0, 3), /** @type {Action} */ ({ type: "toast", text: "Still trying." })].reduce(
    reduce,
    initial(),
  );
  const state = reduce(slow, { type: "trouble", code: "room-full" });
  assert.equal(state.screen, "green");
  assert.deepEqual(state.toasts, [], "nothing is tried any more");
  assert.equal(state.connection, "idle");
  assert.equal(state.trouble?.code, "room-full");
  assert.equal(reduce(state, { type: "joining" }).trouble, null);
});

test("what the server asks for is asked for, until one is in", () => {
  for (const [code, asks] of /** @type {const} */ ([
    ["forbidden", "password"],
    ["unauthorized", "token"],
    ["token-expired", "token"],
    ["room-full", null],
  ])) {
    const refused = reduce(ENTER.slice(0, 3).reduce(reduce, initial()), { type: "trouble", code });
    assert.equal(refused.asks, asks, code);
    assert.equal(reduce(refused, ENTER[3]).asks, null);
    const ended = after({ type: "ended", now: 5000, code });
    assert.equal(reduce(ended, { type: "went", screen: "green", room: "tea" }).asks, asks, code);
    assert.equal(reduce(ended, { type: "went", screen: "green", room: "coffee" }).asks, null);
  }
});

test("who waits is shown once, until that is over", () => {
  const knock = /** @type {Action} */ ({ type: "knocked", knock: "k", name: "", over: false });
  const waits = after(knock);
  assert.deepEqual(waits.knocks, [{ knock: "k", name: "Guest" }]);
  assert.equal(reduce(waits, knock), waits);
  assert.deepEqual(reduce(waits, { ...knock, over: true }).knocks, []);
  const joining = ENTER.slice(0, 3).reduce(reduce, initial());
  assert.equal(reduce(joining, { type: "knocking" }).connection, "knocking");
  assert.equal(waits, reduce(waits, { type: "knocking" }));
});

test("a lock is told of once", () => {
  const locked = after({ type: "locked", locked: true });
  assert.equal(locked.locked, true);
  assert.equal(locked.toasts.at(-1)?.text, "The room is locked: nobody new gets in");
  assert.equal(reduce(locked, { type: "locked", locked: true }), locked);
  assert.equal(reduce(locked, { type: "locked", locked: false }).toasts.length, 2);
});

test("rooms visited: the last one first, none twice, six at most", () => {
  let state = initial();
  for (const room of ["a", "b", "c", "a", "d", "e", "f", "g"]) {
    state = [
      /** @type {Action} */ ({ type: "went", screen: "green", room }),
      /** @type {Action} */ ({ type: "joined", self: "me", relay: false, now: 0, may: [], locked: false }),
    ].reduce(reduce, state);
  }
  assert.deepEqual(state.visited, ["g", "f", "e", "d", "a", "c"]);
});

test("losing the server ends neither the call nor the tiles", () => {
  const lost = after(peer("p"), { type: "connection", connection: "reconnecting" });
  assert.equal(lost.screen, "room");
  assert.deepEqual(lost.order, ["p"]);
  const back = reduce(reduce(lost, { type: "draining" }), { type: "connection", connection: "open" });
  assert.equal(back.draining, false);
  assert.equal(reduce(back, { type: "connection", connection: "open" }), back);
});

test("peers come, change and leave", () => {
  const state = after(
    peer("p"),
    peer("q"),
    { type: "updated", peer: { id: "p", name: "New", mic: false, camera: true, screen: "s" } },
    { type: "path", id: "p", path: "direct" },
    {
      type: "streams",
      id: "p",
      streams: [
        { id: "m", audio: true, video: true },
        { id: "s", audio: false, video: true },
      ],
    },
  );
  assert.equal(state.peers.p?.name, "New");
  assert.equal(state.peers.p?.path, "direct");
  const left = reduce(reduce(state, { type: "pin", key: "peer:p" }), { type: "left", id: "p", reason: "left" });
  assert.deepEqual(left.order, ["q"]);
  assert.equal(left.pinned, null);
  assert.equal(left.toasts.at(-1)?.text, "New left");
  assert.equal(reduce(left, { type: "path", id: "p", path: "failed" }), left);
});

test("a peer that is rebuilt is not said to have left", () => {
  const state = after(peer("p", { away: false }));
  assert.equal(reduce(state, { type: "left", id: "p", reason: "rebuilt" }).toasts.length, state.toasts.length);
});

test("away and back are told once", () => {
  const away = after(peer("p"), { type: "away", id: "p", away: true });
  assert.equal(tilesOf(away)[0]?.away, true);
  assert.equal(reduce(away, { type: "away", id: "p", away: true }), away);
  const back = reduce(away, { type: "away", id: "p", away: false });
  assert.equal(tilesOf(back)[0]?.away, false);
  assert.equal(back.toasts.at(-1)?.text, "Name of p is back");
});

test("a peer that has moved keeps its place, its pin and its lines", () => {
  const state = after(
    peer("p"),
    peer("q"),
    { type: "pin", key: "screen:p" },
    { type: "inspect", key: "peer:p" },
    { type: "said", from: "p", text: "hello", time: 0 },
    { type: "moved", from: "p", to: "p2" },
  );
  assert.deepEqual(state.order, ["p2", "q"]);
  assert.equal(state.pinned, "screen:p2");
  assert.deepEqual(state.inspected, ["peer:p2"]);
  assert.equal(state.chat[0]?.from, "p2");
  assert.equal(state.peers.p2?.id, "p2");
});

test("unread lines are counted while the chat is closed", () => {
  /** @type {Action} */
  const line = { type: "said", from: "p", text: "hello", time: 0 };
  const two = after(peer("p"), line, line);
  assert.equal(two.unread, 2);
  assert.ok(two.toasts.some(({ chat }) => chat));
  const open = reduce(two, { type: "panel", panel: "chat" });
  assert.equal(open.unread, 0);
  assert.ok(!open.toasts.some(({ chat }) => chat));
  assert.equal(reduce(open, line).unread, 0);
  assert.equal(reduce(reduce(open, { type: "panel", panel: "chat" }), line).unread, 1);
  assert.equal(reduce(two, { type: "said", from: "", text: "mine", time: 0 }).unread, 2);
});

test("toasts are few, and none is there twice", () => {
  let state = initial();
  for (let i = 0; i < 10; i++) state = reduce(state, { type: "toast", text: `text ${i % 6}` });
  assert.equal(state.toasts.length, 4);
  assert.equal(new Set(state.toasts.map(({ text }) => text)).size, 4);
  const [first] = state.toasts;
  assert.ok(first);
  assert.ok(!reduce(state, { type: "toasted", id: first.id }).toasts.includes(first));
});

test("tiles: screens first, the last one large, unless another is pinned", () => {
  const streams = [
    { id: "m", audio: true, video: true },
    { id: "s", audio: false, video: true },
  ];
  const state = after(peer("p"), peer("q", { screen: "s", camera: false }), { type: "streams", id: "q", streams });
  const tiles = tilesOf(state);
  assert.deepEqual(
    tiles.map(({ key }) => key),
    ["screen:q", "peer:p", "peer:q"],
  );
  assert.deepEqual(
    tiles.map(({ picture }) => picture),
    [true, false, false],
  );
  assert.equal(tiles[2]?.stream, "m");
  assert.equal(largeOf(state, tiles), 0);
  assert.equal(largeOf(reduce(state, { type: "pin", key: "peer:p" }), tiles), 1);
  assert.equal(largeOf(after(peer("p")), tilesOf(after(peer("p")))), -1);
});

test("a peer that says nothing of its microphone is judged by what it sends", () => {
  const mute = after(peer("p", { mic: null, camera: null }), {
    type: "streams",
    id: "p",
    streams: [{ id: "m", audio: false, video: true }],
  });
  assert.deepEqual(
    tilesOf(mute).map(({ muted, picture }) => ({ muted, picture })),
    [{ muted: true, picture: true }],
  );
});
