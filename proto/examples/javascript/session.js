// Order entry that outlives its connections: proto/README.md, "Commands and refs" and "Streams and resume".

import { EventEmitter } from "node:events";
import { Connection, pauseMs } from "./connection.js";

const POSSIBLE_DUPLICATE = 2;
// After these nothing gets better by trying again.
const FINAL = new Set(["TAKEN_OVER", "PROTOCOL_ERROR", "HISTORY_LOST", "NOT_ENTITLED", "REQUESTED"]);

/**
 * Sends each command once and emits each report once, in order, through lost connections and restarts of the engine:
 * "ready" after every logon, "report" with a report, "refused" with a SessionRejected, "lost" when a connection has
 * ended, "end" with the reason when the session is over.
 *
 * `nextSeq` is one above the last report that was processed. 1 replays the whole stream, which tells a program that
 * has just been started all that it has forgotten.
 */
export class Session extends EventEmitter {
  #access;
  #connection;
  #nextSeq;
  #lastRef; // the highest that is used; until the first logon nobody knows
  #answeredRef = 0; // the highest that a report has answered
  #appliedRef = 0; // the highest that the engine had applied at the logon
  #unanswered = new Map(); // commands by ref, in the order in which they were sent
  #isReady = false;
  #isOver = false;
  #tries = 0;

  constructor(access, nextSeq = 1) {
    super();
    this.#access = { ...access, role: "TRADE" };
    this.#nextSeq = nextSeq;
    this.#connect();
  }

  /** One above the last report that came. */
  get nextSeq() {
    return this.#nextSeq;
  }

  /** Send { type, ...fields } and return its ref, which names the order that it makes.. */
  send(command) {
    const ref = ++this.#lastRef;
    this.#unanswered.set(ref, { ...command, ref });
    // What is sent while there is no connection goes out with the next one.
    if (this.#isReady) this.#connection.send(this.#unanswered.get(ref));
    return ref;
  }

  logOut() {
    this.#isOver = true;
    this.#connection.logOut();
  }

  #connect() {
    this.#connection = new Connection(this.#access, this.#nextSeq)
      .on("accepted", (accepted) => this.#accepted(accepted))
      .on("message", (message) => this.#message(message))
      .on("error", (error) => this.emit("error", error))
      .on("end", (said) => this.#ended(said));
  }

  #accepted(accepted) {
    this.#tries = 0;
    this.#appliedRef = accepted.last_ref;
    this.#lastRef = Math.max(this.#lastRef ?? 0, accepted.last_ref);
    if (this.#nextSeq === 0) {
      this.#nextSeq = accepted.next_seq;
      this.#answeredRef = accepted.last_ref;
    }
    this.#readyIfResumed();
  }

  #message(message) {
    if (message.type === "SessionRejected") {
      this.#unanswered.delete(message.ref);
      this.emit("refused", message);
    } else if (message.flags & POSSIBLE_DUPLICATE) {
      // An answer that was there before: what it says was emitted then.
      this.#unanswered.delete(message.ref);
    } else if (message.seq === this.#nextSeq) {
      this.#nextSeq += 1;
      this.#answeredRef = Math.max(this.#answeredRef, message.ref ?? 0);
      this.#unanswered.delete(message.ref);
      this.emit("report", message);
      this.#readyIfResumed();
    } else if (message.seq !== undefined) {
      this.#connection.close(); // data is missing: log on again, and it comes
    }
  }

  /** Once all that was applied is answered, what is not answered was lost on the way: send it again. */
  #readyIfResumed() {
    if (this.#isReady || this.#answeredRef < this.#appliedRef) return;
    this.#isReady = true;
    const again = [...this.#unanswered.values()];
    while (again.length) this.#connection.send(...again.splice(0, 64));
    this.emit("ready");
  }

  #ended(said) {
    this.#isReady = false;
    if (this.#isOver || said?.type === "LogonRejected" || FINAL.has(said?.reason)) {
      this.emit("end", said);
    } else {
      this.emit("lost", said);
      setTimeout(() => this.#connect(), pauseMs(this.#tries++));
    }
  }
}
