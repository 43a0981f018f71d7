// What is asked for in the operator's name when somebody wants to see it: who is connected, and who did what.

import { byId, fitRows, make, write } from "./dom.js";
import { clock, count } from "./format.js";

const PEOPLE_COLUMNS = ["", "middle", "number", "number", "number middle", "number wide"];
const AUDIT_COLUMNS = ["number middle", "", "text", "text"];

/** One list: `name` is what its elements are called by, `fill` writes a row. */
class List {
  constructor(name, path, columns, fill, ask) {
    this.name = name;
    this.path = path;
    this.columns = columns;
    this.fill = fill;
    this.ask = ask;
    byId(`list-${name}`).addEventListener("click", () => this.list());
  }

  /** Only who is logged in sees it. */
  show(isIn) {
    byId(`list-${this.name}`).hidden = !isIn;
    if (!isIn) byId(`${this.name}-box`).hidden = true;
  }

  get isShown() {
    return !byId(`${this.name}-box`).hidden;
  }

  async list() {
    const answer = await this.ask("GET", this.path);
    write(byId(`${this.name}-problem`), answer.problem ?? "");
    if (answer.problem) return;
    const { rows, count: total, time_ns } = answer;
    const some = rows.length < total ? `${count(rows.length)} of ${count(total)}, ` : "";
    write(byId(`${this.name}-time`), `${some}as of ${clock(time_ns)} UTC`);
    byId(`${this.name}-box`).hidden = false;
    const body = byId(this.name).tBodies[0];
    fitRows(body, rows.length, () => makeRow(this.columns));
    rows.forEach((row, at) => this.fill(body.rows[at].cells, row));
  }
}

export class People {
  /** `ask` sends a request with the token of who is logged in. */
  constructor(ask) {
    this.lists = [
      new List("people", "/sessions", PEOPLE_COLUMNS, fillSession, ask),
      new List("audit", "/audit", AUDIT_COLUMNS, fillAudit, ask),
    ];
  }

  /** `hint` says who sees it where that is not everyone. */
  show(isIn, hint) {
    for (const list of this.lists) list.show(isIn);
    write(byId("audit-hint"), isIn ? "" : hint);
  }

  /** Something was done from here: what is shown is old. */
  acted() {
    for (const list of this.lists) if (list.name === "audit" && list.isShown) list.list();
  }
}

function makeRow(columns) {
  const row = make("tr");
  const name = make("th");
  name.scope = "row";
  row.append(name, ...columns.map((className) => make("td", "", className)));
  return row;
}

function fillSession(cells, row) {
  write(cells[0], row.session);
  const banned = row.banned_until_ns ? `banned until ${clock(row.banned_until_ns)}` : "";
  write(cells[1], row.role || banned || "not connected", row.role ? "" : banned ? "sell" : "muted");
  write(cells[2], row.address);
  write(cells[3], row.since_ns ? clock(row.since_ns) : "");
  write(cells[4], row.open_orders ? count(row.open_orders) : "");
  write(cells[5], row.waiting_bytes ? count(row.waiting_bytes) : "");
  write(cells[6], row.throttled ? count(row.throttled) : "");
}

function fillAudit(cells, row) {
  write(cells[0], clock(row.time_ns));
  write(cells[1], count(row.sequence));
  write(cells[2], row.who);
  write(cells[3], row.refused ? `${row.what}, refused: ${row.refused}` : row.what, row.refused ? "text sell" : "text");
  write(cells[4], row.why);
}
