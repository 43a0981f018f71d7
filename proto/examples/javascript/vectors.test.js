// The golden vectors of every message of the wire, in both directions.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FrameReader, fromPayload, pack, toFrame } from "./messages.js";

const read = (path) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url)));
const { messages } = read("messages.json");
const vectors = ["session", "commands", "reports", "copies", "feed"].flatMap((name) => read(`vectors/${name}.json`).vectors);

const payloadOf = ({ hex }) => Buffer.from(`91${hex}`, "hex");

test("every message of the wire has a vector", () => {
  const named = new Set(vectors.map(({ name }) => name));
  const onTheWire = Object.entries(messages).filter(([, { direction }]) => !direction.startsWith("In the journal"));
  assert.deepEqual([...named].sort(), onTheWire.map(([name]) => name).sort());
});

for (const vector of vectors) {
  test(`${vector.name}${vector.case ? `, ${vector.case}` : ""}`, () => {
    const [message] = fromPayload(payloadOf(vector));
    assert.equal(message.type, vector.name);
    assert.deepEqual(Object.keys(message).slice(1), Object.keys(vector.fields));
    assert.deepEqual(toFrame(message).subarray(4), payloadOf(vector));
  });
}

test("a time is exact to the nanosecond", () => {
  const [answer] = fromPayload(payloadOf(vectors.find(({ name }) => name === "HeartbeatAnswer")));
  assert.equal(answer.time_ns, 1772589600123456789n);
  assert.equal(answer.token, 77);
});

test("a small number is a BigInt where a large one would be", () => {
  const [answer] = fromPayload(pack([[8, 1, 7]]));
  assert.deepEqual(answer, { type: "HeartbeatAnswer", token: 1, time_ns: 7n });
});

test("what a later engine has added is no failure", () => {
  const [unknown, longer, reason] = fromPayload(pack([[60_000, 1], [8, 1, 2, "new"], [7, 99]]));
  assert.deepEqual(unknown, { type: undefined, tag: 60_000, fields: [1] });
  assert.deepEqual(longer, { type: "HeartbeatAnswer", token: 1, time_ns: 2n });
  assert.equal(reason.reason, "UNKNOWN_99");
  assert.equal(fromPayload(pack([[69, 5]]))[0].seq, 5);
});

test("frames are found wherever the stream was cut", () => {
  for (const vector of read("vectors/frames.json").vectors) {
    const reader = new FrameReader();
    const found = [...Buffer.from(vector.hex, "hex")].flatMap((byte) => [...reader.payloads(Buffer.of(byte))]);
    assert.deepEqual(found.map((payload) => payload.toString("hex")), vector.payloads);
  }
});

test("a field that is missing or unknown is told before anything is sent", () => {
  assert.throws(() => toFrame({ type: "Cancel" }), /needs ref/);
  assert.throws(() => toFrame({ type: "Cancel", ref: 1, order: 2 }), /no field order/);
});
