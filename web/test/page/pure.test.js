import assert from "node:assert/strict";
import { test } from "node:test";
import { roomOf } from "../../static/page/addresses.js";
import { adviceOf, browserOf, problemOf } from "../../static/page/devices.js";
import { points, rateText, read } from "../../static/page/facts.js";
import { pieces } from "../../static/page/links.js";
import { loudness } from "../../static/page/media/levels.js";
import { clean, initials, proposeRoom, tint } from "../../static/page/names.js";
import { quality, scaleDown } from "../../static/page/quality.js";
import { codeOf, wordsOf } from "../../static/page/words.js";

test("rooms in addresses, below any base path", () => {
  assert.equal(roomOf("/r/tea", "/"), "tea");
  assert.equal(roomOf("/parley/r/a%2Fb%20c", "/parley/"), "a/b c");
  assert.equal(roomOf("/", "/"), "");
  assert.equal(roomOf("/r/", "/"), "");
  assert.equal(roomOf("/r/tea", "/parley/"), "");
  assert.equal(roomOf("/r/%", "/"), "");
});

test("a proposed room is three words", () => {
  for (const random of [0, 0.5, 0.999999])
    assert.match(
      proposeRoom(() => random),
      /^[a-z]+-[a-z]+-[a-z]+$/u,
    );
});

test("names are brought into the form that the server takes", () => {
  assert.equal(clean("  Ann \u0000 Lee ", "name"), "Ann Lee");
  assert.equal(clean("my room", "room"), "my-room");
  assert.equal([...clean("😀".repeat(200), "room")].length, 128);
  assert.equal([...clean("x".repeat(200), "name")].length, 64);
});

test("initials and tints", () => {
  assert.deepEqual(["Ann", "ann lee", "Ann B. Lee", "", "😀 x", "a-b"].map(initials), [
    "A",
    "AL",
    "AL",
    "",
    "😀X",
    "AB",
  ]);
  assert.equal(tint("Ann"), tint("Ann"));
  for (const name of ["", "Ann", "😀", "x".repeat(64)]) assert.ok(tint(name) >= 0 && tint(name) < 6);
});

test("links are found, and only those that are harmless", () => {
  /** @param {string} text */
  const links = (text) => pieces(text).flatMap(({ href }) => href ?? []);
  assert.deepEqual(links("see https://example.org/a_(b). And http://x.org, (https://y.org/)!"), [
    "https://example.org/a_(b)",
    "http://x.org/",
    "https://y.org/",
  ]);
  assert.deepEqual(links("javascript:alert(1) data:text/html,x ftp://x file:///x https:// www.x.org"), []);
  for (const text of ["", "plain", "https://x.org", "a https://x.org b <img src=x onerror=alert(1)>"]) {
    assert.equal(
      pieces(text)
        .map((piece) => piece.text)
        .join(""),
      text,
    );
  }
});

test("what is sent is scaled to the room", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 5, 6, 15].map((n) => quality(n).height),
    [720, 720, 720, 360, 360, 180, 180],
  );
  assert.equal(scaleDown({ width: 1280, height: 720 }, 720), 1);
  assert.equal(scaleDown({ width: 1280, height: 720 }, 180), 4);
  assert.equal(scaleDown({ width: 720, height: 1280 }, 360), 2);
  assert.equal(scaleDown({ width: 320, height: 240 }, 360), 1);
  assert.equal(scaleDown({}, 360), 1);
});

test("loudness", () => {
  assert.equal(loudness(new Float32Array(64)), 0);
  assert.equal(loudness(new Float32Array(64).fill(1)), 1);
  const quiet = loudness(new Float32Array(64).fill(0.01));
  assert.ok(quiet > 0 && quiet < 0.6);
});

/** @param {number} at @param {number} bytes @param {number} lost */
const report = (at, bytes, lost, candidateType = "host") => [
  { id: "T", type: "transport", timestamp: at, selectedCandidatePairId: "P" },
  {
    id: "P",
    type: "candidate-pair",
    timestamp: at,
    localCandidateId: "L",
    remoteCandidateId: "R",
    currentRoundTripTime: 0.02,
  },
  { id: "L", type: "local-candidate", timestamp: at, candidateType },
  { id: "R", type: "remote-candidate", timestamp: at, candidateType: "host" },
  {
    id: "V",
    type: "inbound-rtp",
    kind: "video",
    timestamp: at,
    bytesReceived: bytes,
    packetsReceived: 100,
    packetsLost: lost,
    frameWidth: 640,
    frameHeight: 360,
  },
  { id: "A", type: "inbound-rtp", kind: "audio", timestamp: at, bytesReceived: 0, packetsReceived: at / 10 },
];

test("facts are read out of a report, and out of what has changed since the last", () => {
  const first = read(report(1000, 1000, 0), undefined);
  assert.deepEqual(first.facts, {
    path: "direct",
    roundTrip: 20,
    loss: null,
    width: 640,
    height: 360,
    rate: 0,
    history: [0],
  });
  const second = read(report(3000, 251_000, 50, "relay"), first);
  assert.equal(second.facts.path, "relayed");
  assert.equal(second.facts.rate, 1_000_000);
  assert.equal(second.facts.loss, 50 / 250);
  assert.deepEqual(second.facts.history, [0, 1_000_000]);
  assert.deepEqual(read([], undefined).facts, {
    path: "connecting",
    roundTrip: null,
    loss: null,
    width: 0,
    height: 0,
    rate: 0,
    history: [0],
  });
});

test("a plot ends at its right edge", () => {
  assert.equal(points([1, 2], 59, 10), "58.0,5.0 59.0,0.0");
  assert.equal(points([], 59, 10), "");
  assert.deepEqual([rateText(1_234_567), rateText(987_654)], ["1.2 Mbit/s", "988 kbit/s"]);
});

test("why there is no camera", () => {
  for (const [name, message, problem] of /** @type {const} */ ([
    ["NotAllowedError", "Permission denied", "refused"],
    ["NotAllowedError", "Permission denied by system", "system"],
    ["NotFoundError", "", "absent"],
    ["NotReadableError", "Could not start video source", "busy"],
    ["AbortError", "Starting videoinput failed", "busy"],
    ["OverconstrainedError", "", "unfit"],
    ["SecurityError", "", "insecure"],
    ["Whatever", "", "unknown"],
  ])) {
    assert.equal(problemOf({ name, message }), problem);
    for (const browser of /** @type {const} */ (["chrome", "firefox", "safari", "other"])) {
      for (const which of /** @type {const} */ (["mic", "camera"]))
        assert.doesNotMatch(adviceOf(which, problem, browser), /WHAT|undefined/u);
    }
  }
  assert.equal(problemOf(undefined), "unknown");
});

test("browsers by their names", () => {
  assert.equal(
    browserOf("Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"),
    "chrome",
  );
  assert.equal(browserOf("Mozilla/5.0 (X11; Linux; rv:140.0) Gecko/20100101 Firefox/140.0"), "firefox");
  assert.equal(
    browserOf("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"),
    "safari",
  );
  assert.equal(browserOf("curl"), "other");
});

test("every trouble has words", () => {
  assert.equal(codeOf({ code: "room-full" }), "room-full");
  assert.equal(codeOf({ code: "closed", closeCode: 4501 }), "replaced");
  assert.equal(codeOf({ code: "closed", closeCode: 4503 }), "kicked");
  assert.equal(codeOf({ code: "closed", closeCode: 4999 }), "ended");
  assert.equal(codeOf({ code: "toString" }), "ended");
  assert.equal(codeOf(null), "ended");
  for (const code of ["room-full", "replaced", "kicked", "socket", "webrtc", "insecure", "no such code"]) {
    const { title, text } = wordsOf(code);
    assert.ok(title !== "" && text !== "");
  }
});
