// What a program of these logs on with, from its arguments: HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS
// [CA_FILE]], the key as 64 hexadecimal digits. With a file of certificates the connection is TLS, and they say whom to
// believe.

import { readFileSync } from "node:fs";

export function accessFromArguments([address = "", keyId, session, keyFile, heartbeatMs = "1000", caFile]) {
  const colon = address.lastIndexOf(":");
  if (colon < 0 || !keyFile) throw new TypeError("expected HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS [CA_FILE]]");
  return {
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    keyId,
    session,
    privateKey: Buffer.from(readFileSync(keyFile, "utf8").trim(), "hex"),
    heartbeatMs: Number(heartbeatMs),
    tls: caFile && { ca: readFileSync(caFile), minVersion: "TLSv1.3" },
  };
}
