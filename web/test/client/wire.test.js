import assert from "node:assert/strict";
import { test } from "node:test";
import { ParleyError } from "../../static/client/codes.js";
import { decode, SUBPROTOCOL } from "../../static/client/wire.js";
import { textOf, vectors } from "./support/vectors.js";

test("the subprotocol is the same as everywhere else", () => assert.equal(SUBPROTOCOL, vectors.subprotocol));

test("what a server sends is understood", () => {
  assert.ok(vectors.server.valid.length > 30);
  for (const vector of vectors.server.valid) {
    const message = decode(textOf(vector.text));
    assert.equal(message.type, vector.type, vector.name);
    assert.equal(message.seq, vector.seq, vector.name);
    assert.equal(message.ack, vector.ack, vector.name);
    if (vector.from) assert.equal(message.from, vector.from, vector.name);
    if (vector.fields) assertHolds(message, vector.fields, vector.name);
  }
});

/** The message has all that is expected, at every level; more is passed over. */
function assertHolds(actual, expected, name) {
  if (typeof expected !== "object" || expected === null) return assert.equal(actual, expected, name);
  for (const [member, value] of Object.entries(expected)) {
    const found = member === "urls" && typeof actual[member] === "string" ? [actual[member]] : actual[member];
    assertHolds(found, value, `${name}: ${member}`);
  }
}

test("what breaks the protocol is told apart", () => {
  assert.ok(vectors.server.invalid.length > 5);
  for (const vector of vectors.server.invalid) {
    assert.throws(() => decode(textOf(vector.text)), isViolation, vector.name);
  }
  for (const text of [
    "",
    "{",
    "[]",
    "null",
    "5",
    "{}",
    '{"type":5}',
    '{"type":"message","data":1}',
    '{"type":"x","ack":-1}',
  ]) {
    assert.throws(() => decode(text), isViolation, text);
  }
});

const isViolation = (error) => error instanceof ParleyError && error.code === "protocol";

test("what comes from another peer is relayed byte for byte, and understood", () => {
  for (const vector of vectors.relayed) {
    const message = decode(textOf(vector.receives));
    assert.equal(message.from, "A", vector.name);
    assert.equal(message.seq, vector.seq, vector.name);
  }
});

test("a type that is not known is told as such, with its numbers", () => {
  const text = '{"type":"lamp","lamp":"k","seq":7,"ack":3}';
  assert.deepEqual(decode(text), { type: "", seq: 7, ack: 3, message: JSON.parse(text) });
  assert.equal(decode('{"type":"toString"}').type, "");
});
