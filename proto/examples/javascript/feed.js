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
  #awaited = new Set(); // instruments whose next snapshot is to come: increments until then mean nothing
  #feedSequence = 0; // up to this batch everything has come
  #isBehind = false; // a batch behind it was lost and asked for: increments until GapFilled mean nothing
  #snapshots = { count: 0, came: new Set() }; // how many follow a subscription, and which have come
  #engine = {}; // what the last LogonAccepted said
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
    this.#connection = new Connection(this.#access, 0)
      .on("accepted", (accepted) => this.#subscribe(accepted))
      .on("message", (message) => this.#message(message))
      .on("error", (error) => this.emit("error", error))
      .on("end", (said) => this.#ended(said));
  }

  /** Go on after the last batch where the books are right up to there and it is still what it was; or begin anew. */
  #subscribe(accepted) {
    this.#tries = 0;
    // An engine that had not written everything down may use numbers again for something else.
    const isSame = accepted.epoch === this.#engine.epoch || (accepted.durable && this.#engine.durable);
    const isWhole = this.#snapshots.came.size >= this.#snapshots.count && this.#awaited.size === 0;
    this.#engine = accepted;
    this.#connection.send({
      type: "Subscribe",
      ref: ++this.#ref,
      instrument_ids: this.#instrumentIds,
      after_feed_sequence: isSame && isWhole ? this.#feedSequence : 0,
    });
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
      case "Subscribed":
        if (!message.is_resumed) this.#awaitSnapshots(message.instrument_count, message);
        break;
      case "BatchBegin":
        if (!this.#isLost(message)) this.#feedSequence = Math.max(this.#feedSequence, message.feed_sequence);
        break;
      case "Conflated": // this program was too slow: of these instruments snapshots follow
        if (this.#isLost(message)) break;
        this.#feedSequence = message.feed_sequence;
        message.instrument_ids.forEach((each) => this.#awaited.add(each));
        break;
      case "GapFilled": // what was lost follows: the batches, or snapshots of everything
        if (message.source === "SNAPSHOT") this.#awaitSnapshots(message.count, message);
        this.#isBehind = false;
        this.#feedSequence = message.feed_sequence;
        break;
      case "Composite":
        this.#snapshots.came.add(message.composite_id);
        this.#awaited.delete(message.composite_id);
        break;
      case "SnapshotEnd":
        this.#snapshots.came.add(id);
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
    if (this.#isBehind || this.#awaited.has(id) || message.instrument_seq <= book.seq) return;
    if (message.instrument_seq > book.seq + 1) return this.#ask(id);
    book.seq = message.instrument_seq;
    book.apply(message);
    this.emit("update", id);
  }

  #awaitSnapshots(count, { feed_sequence }) {
    this.#snapshots = { count, came: new Set() };
    this.#awaited.clear();
    this.#isBehind = false;
    this.#feedSequence = feed_sequence;
  }

  /** Whether a batch before this one has not come, of whatever instrument: all of them since are asked for, once. */
  #isLost({ previous_feed_sequence }) {
    if (this.#isBehind || previous_feed_sequence <= this.#feedSequence) return this.#isBehind;
    this.#isBehind = true;
    const after = { instrument_id: 0, after_feed_sequence: this.#feedSequence };
    this.#connection.send({ type: "GapRequest", ref: ++this.#ref, ...after });
    return true;
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
