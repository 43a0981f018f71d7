// An order ticket on standard input, reports on standard output.
//
//     node trade.js HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS [CA_FILE]]
//
//     buy 1 10 7000      10 lots of instrument 1 at 7000 ticks, until cancelled; `sell` likewise
//     cancel 4           the order that the command with ref 4 has made
//     quit

import { once } from "node:events";
import { createInterface } from "node:readline";
import { accessFromArguments } from "./access.js";
import { Session } from "./session.js";

const orders = new Session(accessFromArguments(process.argv.slice(2)))
  .on("ready", () => console.log(`ready next_seq=${orders.nextSeq}`))
  .on("report", print)
  .on("refused", print)
  .on("lost", () => console.log("lost"))
  .on("error", (error) => console.error(error.message))
  .on("end", (said) => {
    console.log(`end ${said?.reason ?? ""}`);
    process.exit();
  });

function print({ type, ...fields }) {
  console.log([type ?? "unknown", ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(" "));
}

const commands = {
  buy: (...terms) => order("BUY", ...terms),
  sell: (...terms) => order("SELL", ...terms),
  cancel: (ref) => ({ type: "Cancel", order_ref: Number(ref) }),
};

function order(side, instrument, lots, ticks) {
  const terms = { quantity_lots: Number(lots), price_ticks: Number(ticks), time_in_force: "GTC" };
  return { type: "NewOrder", instrument_id: Number(instrument), side, ...terms };
}

await once(orders, "ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...terms] = line.trim().split(/\s+/);
  if (word === "quit") orders.logOut();
  else if (commands[word]) console.log(`sent ${orders.send(commands[word](...terms))}`);
  else console.error("buy INSTRUMENT LOTS TICKS, sell INSTRUMENT LOTS TICKS, cancel REF, or quit");
}
