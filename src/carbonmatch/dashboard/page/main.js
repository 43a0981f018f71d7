// Puts the parts of the page together: what the stream brings goes to whoever shows it.

import { Acting } from "./acting.js";
import { Charts } from "./charts.js";
import { Ladder } from "./ladder.js";
import { Market } from "./market.js";
import { People } from "./people.js";
import { Status } from "./status.js";
import { Stream } from "./stream.js";

const status = new Status();
const charts = new Charts();
const ladder = new Ladder();
const market = new Market(choose);
const people = new People((method, path) => acting.send(method, path));
const acting = new Acting(
  () => market.row,
  (isIn, hint) => people.show(isIn, hint),
  () => people.acted(),
);
const stream = new Stream(take, () => status.heard(), () => status.lost());

function take(message) {
  if (message.market) market.take(message.market);
  if (message.ladder) ladder.take(message.ladder);
  if (message.points) charts.take(message.points);
  status.take(message);
  if (message.operating !== undefined) acting.begin(message.operating);
  if (!market.chosen && market.rows.size) market.choose(first());
  else if (message.market || message.ladder) ladder.show(market.row);
  status.show();
  status.showTime();
}

function choose(id) {
  history.replaceState(null, "", `#${market.row?.symbol ?? ""}`);
  stream.open(id);
  ladder.show(market.row);
  acting.show();
}

/** The instrument that the address names, or else the one with the most volume. */
function first() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const rows = [...market.rows.values()];
  const found = rows.find((row) => row.symbol === wanted);
  return (found ?? rows.reduce((one, other) => (other.volume_lots > one.volume_lots ? other : one))).id;
}

stream.open(0);
setInterval(() => {
  if (stream.source?.readyState !== EventSource.OPEN) status.lost();
  status.showTime();
}, 1000);
