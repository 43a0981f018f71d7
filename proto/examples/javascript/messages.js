// Bytes <-> messages. A frame is the length of its payload, 32 bits big-endian, and the payload: one MessagePack array
// of messages. What messages there are, and their fields in order, is in proto/messages.json.
//
// Here a message is an object: { type: "Cancel", ref: 2, order_ref: 1 }. Members of enumerations are words ("BUY"),
// binaries are Uint8Arrays. An integer that may be larger than 2^53 - 1 (times, turnover, money) is always a BigInt,
// every other one always a Number: so which it is never depends on the value.

import { readFileSync } from "node:fs";
import { decode, encode } from "@msgpack/msgpack";

const { messages, structures, enums } = JSON.parse(
  readFileSync(new URL("../../messages.json", import.meta.url)),
);
const byTag = new Map(Object.entries(messages).map(([type, message]) => [message.tag, { type, ...message }]));
const words = Object.fromEntries(
  Object.entries(enums).map(([name, members]) => [
    name,
    new Map(Object.entries(members).map(([word, number]) => [number, word])),
  ]),
);
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

// Reports are numbered: whatever has one of these tags begins with `seq`, also if it is of a later version.
const isReport = (tag) => (tag >= 48 && tag <= 69) || (tag >= 220 && tag <= 249);

/** One frame with these messages. Fields that are left out at the end take their defaults at the engine. */
export function toFrame(...outgoing) {
  const payload = pack(outgoing.map(toArray));
  const frame = Buffer.alloc(4 + payload.length);
  frame.writeUInt32BE(payload.length);
  frame.set(payload, 4);
  return frame;
}

/** The messages of one payload. What a later engine has added is skipped, or is { type: undefined, tag, fields }. */
export function fromPayload(payload) {
  return decode(payload, { useBigInt64: true }).map(toMessage);
}

/** MessagePack, every integer in its shortest form: what is signed at the logon has to be. */
export function pack(value) {
  return encode(value, { useBigInt64: true });
}

/** Cuts a stream of bytes into payloads, wherever TCP has cut it before. */
export class FrameReader {
  #kept = Buffer.alloc(0);

  *payloads(chunk) {
    let data = this.#kept.length ? Buffer.concat([this.#kept, chunk]) : chunk;
    while (data.length >= 4) {
      const length = data.readUInt32BE();
      if (length === 0 || length > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${length} bytes`);
      if (data.length < 4 + length) break;
      yield data.subarray(4, 4 + length);
      data = data.subarray(4 + length);
    }
    this.#kept = data;
  }
}

// --- objects -> arrays ---------------------------------------------------------------------------------------------

function toArray({ type, ...given }) {
  const message = messages[type];
  if (!message) throw new TypeError(`no message is called ${type}`);
  return [message.tag, ...toFields(type, message.fields, given)];
}

function toFields(type, fields, given) {
  const unknown = Object.keys(given).find((name) => !fields.some((field) => field.name === name));
  if (unknown) throw new TypeError(`${type} has no field ${unknown}`);
  const last = fields.findLastIndex((field) => given[field.name] !== undefined);
  const missing = fields.find((field) => field.default === undefined && given[field.name] === undefined);
  if (missing) throw new TypeError(`${type} needs ${missing.name}`);
  return fields.slice(0, last + 1).map((field) => {
    const value = given[field.name];
    return value === undefined ? field.default : toWire(field, value);
  });
}

function toWire(field, value) {
  if (value === null) return null;
  switch (field.type) {
    case "integer":
      // The encoder makes a float of a Number that is no integer of 32 bits, and 64 bits of every BigInt.
      return value > 0xffff_ffff ? BigInt(value) : Number(value);
    case "enum":
      return typeof value === "number" ? value : enums[field.of][value];
    case "structure":
      return toFields(field.of, structures[field.of].fields, value);
    case "message":
      return toArray(value);
    case "array":
      return value.map((each) => toWire(field.item, each));
    default:
      return value;
  }
}

// --- arrays -> objects ---------------------------------------------------------------------------------------------

function toMessage([tag, ...values]) {
  const message = byTag.get(tag);
  if (message) return { type: message.type, ...toObject(message.fields, values) };
  return { type: undefined, tag, fields: values, ...(isReport(tag) && { seq: Number(values[0]) }) };
}

function toObject(fields, values) {
  return Object.fromEntries(
    fields.map((field, at) => [field.name, fromWire(field, at < values.length ? values[at] : field.default)]),
  );
}

function fromWire(field, value) {
  if (value === null || value === undefined) return null;
  switch (field.type) {
    case "integer":
      return field.max > Number.MAX_SAFE_INTEGER ? BigInt(value) : Number(value);
    case "enum":
      return words[field.of].get(value) ?? `UNKNOWN_${value}`;
    case "structure":
      return toObject(structures[field.of].fields, value);
    case "message":
      return toMessage(value);
    case "array":
      return value.map((each) => fromWire(field.item, each));
    default:
      return value;
  }
}
