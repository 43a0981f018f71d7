// The overview: a row for each instrument. Choosing one shows its ladder.

import { byId, make, write } from "./dom.js";
import { change, clock, count, price } from "./format.js";

const COLUMNS = ["phase", "number wide", "number buy", "number sell", "number wide", "number", "number middle", "number middle", "number wide", "number wide band", "number wide auction"];

const LAST = 6;

export class Market {
  constructor(onChoose) {
    this.rows = new Map();
    this.lines = new Map();
    this.chosen = 0;
    this.onChoose = onChoose;
    this.body = byId("rows").tBodies[0];
    this.filter = byId("filter");
    this.filter.addEventListener("input", () => this.show());
  }

  /** Take in rows that have changed; all of them where `is_whole`. */
  take({ is_whole, rows }) {
    if (is_whole) this.rows.clear();
    for (const row of rows) this.rows.set(row.id, row);
    this.show(is_whole ? null : rows);
  }

  get row() {
    return this.rows.get(this.chosen);
  }

  choose(id) {
    this.chosen = id;
    for (const [known, line] of this.lines) this.mark(known, line);
    this.onChoose(id);
  }

  /** Show `changed` rows, or all where that is null or a row is new. */
  show(changed = null) {
    const isNew = changed === null || changed.some((row) => !this.lines.has(row.id));
    if (isNew) this.arrange();
    for (const row of isNew ? this.rows.values() : changed) {
      const line = this.lines.get(row.id);
      if (line) this.fill(line, row);
    }
    const hasAuctions = [...this.rows.values()].some((row) => row.auction);
    byId("rows").classList.toggle("no-auctions", !hasAuctions);
    write(byId("market-count"), `${count(this.rows.size)} instruments`);
  }

  arrange() {
    const wanted = this.filter.value.trim().toLowerCase();
    const shown = [...this.rows.values()]
      .filter((row) => row.symbol.toLowerCase().includes(wanted))
      .sort((one, other) => one.id - other.id);
    const ids = new Set(shown.map((row) => row.id));
    for (const [id, line] of this.lines) {
      if (!ids.has(id)) {
        line.remove();
        this.lines.delete(id);
      }
    }
    shown.forEach((row, at) => {
      let line = this.lines.get(row.id);
      if (!line) {
        line = this.makeLine(row);
        this.lines.set(row.id, line);
      }
      if (this.body.rows[at] !== line) this.body.insertBefore(line, this.body.rows[at] ?? null);
    });
  }

  makeLine(row) {
    const line = make("tr");
    const name = make("th");
    name.scope = "row";
    const button = make("button", row.symbol);
    button.type = "button";
    name.append(button);
    line.append(name, ...COLUMNS.map((className) => make("td", "", className)));
    line.dataset.symbol = row.symbol;
    line.addEventListener("click", () => this.choose(row.id));
    this.mark(row.id, line);
    return line;
  }

  mark(id, line) {
    const isChosen = id === this.chosen;
    line.classList.toggle("chosen", isChosen);
    line.cells[0].firstChild.setAttribute("aria-pressed", String(isChosen));
  }

  fill(line, row) {
    line.classList.toggle("old", !row.is_current);
    const { text, side } = change(row);
    const band = row.band_high_ticks
      ? `${price(row.band_low_ticks, row.decimals)} – ${price(row.band_high_ticks, row.decimals)}`
      : "";
    const cells = [
      phaseText(row),
      row.bid_lots ? count(row.bid_lots) : "",
      price(row.bid_ticks, row.decimals),
      price(row.ask_ticks, row.decimals),
      row.ask_lots ? count(row.ask_lots) : "",
      price(row.last_ticks, row.decimals),
      text,
      row.volume_lots ? count(row.volume_lots) : "",
      row.trade_count ? count(row.trade_count) : "",
      band,
      auctionText(row),
    ];
    cells.forEach((value, at) => write(line.cells[at + 1], value));
    if (line.dataset.trades && line.dataset.trades !== String(row.trade_count)) lightUp(line.cells[LAST]);
    line.dataset.trades = row.trade_count;
    line.cells[1].className = `phase ${row.phase.replaceAll(" ", "-")}`;
    line.cells[7].className = `number middle ${side}`;
  }
}

/** Something was traded: for a moment one sees where. */
function lightUp(cell) {
  cell.classList.remove("changed");
  void cell.offsetWidth;
  cell.classList.add("changed");
}

export function phaseText(row) {
  if (!row.is_current) return "not current";
  return row.phase;
}

export function phaseDetail(row) {
  const until = row.phase_until_ns ? ` until ${clock(row.phase_until_ns)} UTC` : "";
  const why = row.phase_text ? ` (${row.phase_text})` : "";
  return `${phaseText(row)}${until}${why}`;
}

export function auctionText(row) {
  const auction = row.auction;
  if (!auction) return "";
  if (!auction.price_ticks) return "no price";
  return `${price(auction.price_ticks, row.decimals)} × ${count(auction.volume_lots)}`;
}
