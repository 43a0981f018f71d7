// Books as they change, a line each: instrument_seq, then each side's levels as PRICE:LOTS:ORDERS, the best first.
//
//     node watch.js HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS [CA_FILE]]

import { accessFromArguments } from "./access.js";
import { Feed } from "./feed.js";

const feed = new Feed(accessFromArguments(process.argv.slice(2)))
  .on("snapshot", print)
  .on("update", print)
  .on("lost", () => console.log("lost"))
  .on("error", (error) => console.error(error.message))
  .on("end", (said) => console.log(`end ${said?.reason ?? ""}`));

function print(id) {
  const book = feed.books.get(id);
  const side = (name) => book.levels(name).map(([price, { lots, orders }]) => `${price}:${lots}:${orders}`);
  console.log(`book ${id} ${book.seq} BUY ${side("BUY")} SELL ${side("SELL")}`);
}
