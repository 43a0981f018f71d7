// One instrument: what it stands at, its best levels, its last trades.

import { byId, fitRows, make, write, writeFacts } from "./dom.js";
import { change, clock, count, price } from "./format.js";
import { auctionText, phaseDetail } from "./market.js";

const LEVELS = 10;
const LADDER_COLUMNS = ["number muted", "number bid", "number buy", "number sell", "number ask", "number muted"];
const TRADE_COLUMNS = ["time", "number", "number", ""];

function makeRow(columns) {
  const row = make("tr");
  row.append(...columns.map((className) => make("td", "", className)));
  return row;
}

export class Ladder {
  constructor() {
    this.ladder = null;
    this.levels = byId("ladder").tBodies[0];
    this.trades = byId("trades").tBodies[0];
  }

  take(ladder) {
    this.ladder = ladder;
  }

  /** Show it with the row that it belongs to; nothing where there is none yet. */
  show(row) {
    write(byId("instrument-title"), row ? row.symbol : "No instrument");
    if (!row) return;
    write(byId("instrument-phase"), phaseDetail(row));
    this.showFacts(row);
    if (this.ladder?.id !== row.id) {
      this.levels.replaceChildren();
      this.trades.replaceChildren();
      return;
    }
    this.showLevels(row.decimals);
    this.showTrades(row.decimals);
  }

  showFacts(row) {
    const text = (ticks) => price(ticks, row.decimals) || "–";
    const { text: moved, side } = change(row);
    const facts = [
      ["Last", text(row.last_ticks), "", `${row.currency}/t`],
      ["Change", moved || "–", side, "%"],
      ["Reference", text(row.reference_ticks)],
      ["Band", row.band_high_ticks ? `${text(row.band_low_ticks)} – ${text(row.band_high_ticks)}` : "none"],
      ["Low – high", row.trade_count ? `${text(row.low_ticks)} – ${text(row.high_ticks)}` : "–"],
      [`Volume, lots of ${count(row.lot_tonnes)} t`, count(row.volume_lots)],
      ["Trades", count(row.trade_count)],
    ];
    if (row.auction) facts.push(["Auction, if it ended now", auctionText(row), "", "lots"]);
    writeFacts(byId("instrument-facts"), facts, true);
  }

  showLevels(decimals) {
    const { bids, asks } = this.ladder;
    const largest = Math.max(1, ...bids.map((level) => level[1]), ...asks.map((level) => level[1]));
    fitRows(this.levels, LEVELS, () => makeRow(LADDER_COLUMNS));
    for (let at = 0; at < LEVELS; at += 1) {
      const cells = this.levels.rows[at].cells;
      fillSide([cells[2], cells[1], cells[0]], bids[at], decimals, largest);
      fillSide([cells[3], cells[4], cells[5]], asks[at], decimals, largest);
    }
  }

  showTrades(decimals) {
    const trades = this.ladder.trades;
    fitRows(this.trades, trades.length, () => makeRow(TRADE_COLUMNS));
    trades.forEach((trade, at) => {
      const cells = this.trades.rows[at].cells;
      write(cells[0], clock(trade.time_ns));
      write(cells[1], price(trade.price_ticks, decimals));
      write(cells[2], count(trade.quantity_lots));
      write(cells[3], trade.taker, trade.taker === "buys" ? "buy" : trade.taker === "sells" ? "sell" : "");
    });
  }
}

function fillSide([priceCell, lotsCell, ordersCell], level, decimals, largest) {
  write(priceCell, level ? price(level[0], decimals) : "");
  write(lotsCell, level ? count(level[1]) : "");
  write(ordersCell, level ? count(level[2]) : "");
  lotsCell.style.setProperty("--fill", level ? `${(100 * level[1]) / largest}%` : "0%");
}
