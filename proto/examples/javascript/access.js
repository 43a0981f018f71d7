// What a program of these logs on with, from its arguments: HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS], the
// file with the 32 bytes of the key as 64 hexadecimal digits.

import { readFileSync } from "node:fs";

export function accessFromArguments([address = "", keyId, session, keyFile, heartbeatMs = "1000"]) {
  const colon = address.lastIndexOf(":");
  if (colon < 0 || !keyFile) throw new TypeError("expected HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS]");
  return {
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    keyId,
    session,
    privateKey: Buffer.from(readFileSync(keyFile, "utf8").trim(), "hex"),
    heartbeatMs: Number(heartbeatMs),
  };
}
