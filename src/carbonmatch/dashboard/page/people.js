// Who is connected: asked for in the operator's name when somebody wants to see it, since asking is journaled.

import { byId, fitRows, make, write } from "./dom.js";
import { clock, count } from "./format.js";

const COLUMNS = ["", "middle", "number", "number", "number middle", "number wide"];

export class People {
  /** `ask` sends a request with the token of who is logged in. */
  constructor(ask) {
    this.ask = ask;
    byId("list-people").addEventListener("click", () => this.list());
  }

  /** Only who is logged in sees it. */
  show(isIn) {
    byId("list-people").hidden = !isIn;
    if (!isIn) byId("people-box").hidden = true;
  }

  async list() {
    const answer = await this.ask("GET", "/sessions");
    write(byId("people-problem"), answer.problem ?? "");
    if (answer.problem) return;
    const { rows, count: total, time_ns } = answer;
    const some = rows.length < total ? `${count(rows.length)} of ${count(total)}, ` : "";
    write(byId("people-time"), `${some}as of ${clock(time_ns)} UTC`);
    write(byId("list-people"), "List again");
    byId("people-box").hidden = false;
    const body = byId("people").tBodies[0];
    fitRows(body, rows.length, makeRow);
    rows.forEach((row, at) => fill(body.rows[at].cells, row));
  }
}

function makeRow() {
  const row = make("tr");
  const name = make("th");
  name.scope = "row";
  row.append(name, ...COLUMNS.map((className) => make("td", "", className)));
  return row;
}

function fill(cells, row) {
  write(cells[0], row.session);
  const banned = row.banned_until_ns ? `banned until ${clock(row.banned_until_ns)}` : "";
  write(cells[1], row.role || banned || "not connected", row.role ? "" : banned ? "sell" : "muted");
  write(cells[2], row.address);
  write(cells[3], row.since_ns ? clock(row.since_ns) : "");
  write(cells[4], row.open_orders ? count(row.open_orders) : "");
  write(cells[5], row.waiting_bytes ? count(row.waiting_bytes) : "");
  write(cells[6], row.throttled ? count(row.throttled) : "");
}
