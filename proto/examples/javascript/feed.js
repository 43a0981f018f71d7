// Market data: books from snapshots and increments. proto/FEED.md.

import { EventEmitter } from "node:events";
import { crc32 } from "node:zlib";
import { Connection, pauseMs } from "./connection.js";

/** One instrument as the venue shows it. Levels are { lots, orders } by price in ticks. */
export class Book {
  definition;
  phase;
  seq = 0; // instrument_seq of the last message
  sides = { BUY: new Map(), SELL: new Map() };
  #checksum = 0;

  /** Levels of a side, [price, { lots, orders }], the best one first. */
  levels(side) {
    const sign = side === "BUY" ? -1 : 1;
    return [...this.sides[side]].sort(([one], [other]) => sign * (one - other));
  }

  begin(snapshot) {
    this.sides = { BUY: new Map(), SELL: new Map() };
    this.phase = snapshot.phase;
    this.seq = snapshot.instrument_seq;
    this.#checksum = 0;
  }

  addLevel({ side, price_ticks, quantity_lots, order_count }) {
    this.sides[side].set(price_ticks, { lots: quantity_lots, orders: order_count });
    const level = Buffer.alloc(21);
    level.writeUInt8(side === "BUY" ? 1 : 2, 0);
    level.writeBigUInt64BE(BigInt(price_ticks), 1);
    level.writeBigUInt64BE(BigInt(quantity_lots), 9);
    level.writeUInt32BE(order_count, 17);
    this.#checksum = crc32(level, this.#checksum);
  }

  isComplete(end) {
    return this.#checksum === end.checksum;
  }

  apply(message) {
    if (message.type === "PhaseUpdate") this.phase = message.phase;
    if (message.type !== "LevelUpdate") return;
    const { side, price_ticks, quantity_lots, order_count } = message;
    if (quantity_lots === 0) this.sides[side].delete(price_ticks);
    else this.sides[side].set(price_ticks, { lots: quantity_lots, orders: order_count });
  }
}

/**
 * Keeps a Book of each instrument, and connects again by itself. Emits "snapshot" and "update" with an instrument's id
 * when its book is new and when a message has changed it, "message" with every message of the feed, "lost" when a
 * connection has ended, "end" when the feed is over.
 */
export class Feed extends EventEmitter {
  books = new Map();
  #access;
  #instrumentIds;
  #connection;
  #ref = 0;
  #awaited = new Set(); // instruments whose next snapshot was asked for: increments until then mean nothing
  #isOver = false;
  #tries = 0;

  /** No instruments: all of them. */
  constructor(access, instrumentIds = []) {
    super();
    this.#access = { ...access, role: "MARKET_DATA" };
    this.#instrumentIds = instrumentIds;
    this.#connect();
  }

  logOut() {
    this.#isOver = true;
    this.#connection.logOut();
  }

  #connect() {
    this.#awaited.clear();
    this.#connection = new Connection(this.#access, 0)
      .on("accepted", () => {
        this.#tries = 0;
        this.#connection.send({ type: "Subscribe", ref: ++this.#ref, instrument_ids: this.#instrumentIds });
      })
      .on("message", (message) => this.#message(message))
      .on("error", (error) => this.emit("error", error))
      .on("end", (said) => this.#ended(said));
  }

  #message(message) {
    const id = message.definition?.instrument_id ?? message.instrument_id;
    if (id !== undefined && !this.books.has(id)) this.books.set(id, new Book());
    const book = this.books.get(id);
    switch (message.type) {
      case "Instrument":
        book.definition = message.definition;
        break;
      case "SnapshotBegin":
        book.begin(message);
        break;
      case "SnapshotLevel":
        book.addLevel(message);
        break;
      case "SnapshotEnd":
        this.#awaited.delete(id);
        if (!book.isComplete(message)) this.#ask(id);
        else this.emit("snapshot", id);
        break;
      default:
        if (message.instrument_seq !== undefined) this.#increment(id, book, message);
    }
    this.emit("message", message);
  }

  #increment(id, book, message) {
    // With a number that was there before, a message belongs to the snapshot that it follows.
    if (this.#awaited.has(id) || message.instrument_seq <= book.seq) return;
    if (message.instrument_seq > book.seq + 1) return this.#ask(id);
    book.seq = message.instrument_seq;
    book.apply(message);
    this.emit("update", id);
  }

  #ask(id) {
    this.#awaited.add(id);
    this.#connection.send({ type: "GapRequest", ref: ++this.#ref, instrument_id: id });
  }

  #ended(said) {
    if (this.#isOver || said?.type === "LogonRejected" || said?.reason === "TAKEN_OVER") {
      this.emit("end", said);
    } else {
      this.emit("lost", said);
      setTimeout(() => this.#connect(), pauseMs(this.#tries++));
    }
  }
}
