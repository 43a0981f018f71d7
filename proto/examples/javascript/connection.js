// One connection: logon, heartbeats and the end. proto/README.md, "Logon" and "Heartbeats, logout and silence".

import { createPrivateKey, sign } from "node:crypto";
import { EventEmitter } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { FrameReader, fromPayload, pack, toFrame } from "./messages.js";

const VERSION = 1;
const ROLES = { TRADE: 1, DROP_COPY: 2, MARKET_DATA: 3, OPERATOR: 4 };
// What stands before the 32 bytes of an Ed25519 private key in a PKCS #8 file.
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * Emits "accepted" with LogonAccepted once, then "message" for each message, and "end" once, with what the engine said
 * last (LogonRejected, LoggedOut) or undefined where it said nothing: the network or the engine has failed.
 *
 * access: { host, port, keyId, privateKey (32 bytes), session, role, heartbeatMs, cancelOnDisconnect, graceMs, tls }
 */
export class Connection extends EventEmitter {
  #access;
  #nextSeq;
  #socket;
  #frames = new FrameReader();
  #timer;
  #lastWords;
  #heardAt = Date.now();
  #sentAt = Date.now();

  constructor(access, nextSeq) {
    super();
    this.#access = access;
    this.#nextSeq = nextSeq;
    const address = { host: access.host, port: access.port };
    this.#socket = access.tls ? tls.connect({ ...address, ...access.tls }) : net.connect(address);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    this.#socket.on("error", () => {}); // "close" follows
    this.#socket.on("close", () => {
      clearInterval(this.#timer);
      this.emit("end", this.#lastWords);
    });
  }

  /** Send messages in one frame. */
  send(...messages) {
    this.#sentAt = Date.now();
    this.#socket.write(toFrame(...messages));
  }

  /** Leave: the engine answers what came before, says LoggedOut and closes. */
  logOut() {
    this.send({ type: "Logout" });
  }

  close() {
    this.#socket.destroy();
  }

  #receive(chunk) {
    this.#heardAt = Date.now();
    try {
      for (const payload of this.#frames.payloads(chunk)) {
        for (const message of fromPayload(payload)) this.#take(message);
      }
    } catch (error) {
      // The other side breaks the protocol, or somebody who listens here does: there is no going on.
      this.close();
      this.emit("error", error);
    }
  }

  #take(message) {
    switch (message.type) {
      case "Challenge":
        return this.#logOn(message);
      case "LogonAccepted":
        this.#timer = setInterval(() => this.#beat(message.heartbeat_ms), message.heartbeat_ms / 4);
        return this.emit("accepted", message);
      case "LogonRejected":
      case "LoggedOut":
        this.#lastWords = message;
        return this.#socket.end();
      case "HeartbeatAnswer":
        return undefined;
      default:
        return this.emit("message", message);
    }
  }

  #logOn({ server_id, nonce }) {
    const { keyId, privateKey, session, role } = this.#access;
    const { heartbeatMs = 1000, cancelOnDisconnect = false, graceMs = 0 } = this.#access;
    const key = createPrivateKey({ key: Buffer.concat([PKCS8, privateKey]), format: "der", type: "pkcs8" });
    const fields = [VERSION, VERSION, keyId, session, ROLES[role], this.#nextSeq];
    const text = pack(["carbonmatch-logon-1", server_id, nonce, ...fields, heartbeatMs, cancelOnDisconnect, graceMs]);
    this.send({
      type: "Logon",
      version_min: VERSION,
      version_max: VERSION,
      key_id: keyId,
      session,
      role,
      next_seq: this.#nextSeq,
      heartbeat_ms: heartbeatMs,
      cancel_on_disconnect: cancelOnDisconnect,
      grace_ms: graceMs,
      signature: sign(null, text, key),
    });
  }

  #beat(heartbeatMs) {
    const now = Date.now();
    if (now - this.#heardAt >= 3 * heartbeatMs) this.close();
    else if (now - this.#sentAt >= heartbeatMs / 2) this.send({ type: "Heartbeat" });
  }
}

/** How long to wait before the n-th try in a row to connect: longer each time, and never all clients at once. */
export function pauseMs(tries) {
  return Math.random() * Math.min(5000, 50 * 2 ** tries);
}
