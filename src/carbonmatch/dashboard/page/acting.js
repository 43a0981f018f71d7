// Logging in, and halting or resuming an instrument. The token is kept for this tab alone: no cookie.

import { byId, write } from "./dom.js";
import { count } from "./format.js";

const KEPT = "carbonmatch-token";
const HEADER = "X-Carbonmatch-Token";
const MEANING = {
  halt: "Only cancels are taken until somebody resumes it, whatever its schedule says.",
  resume: "Its schedule counts again: the instrument is where that has arrived.",
};

export class Acting {
  /** `getRow` gives the instrument that is shown; `onChange` hears whether somebody is logged in, `onActed` when it is done. */
  constructor(getRow, onChange, onActed) {
    this.getRow = getRow;
    this.onChange = onChange;
    this.onActed = onActed;
    this.session = "";
    this.isIn = false;
    this.asked = null;
    byId("login").addEventListener("click", () => openDialog("login-dialog"));
    byId("logout").addEventListener("click", () => this.logOut());
    byId("halt").addEventListener("click", () => this.ask("halt"));
    byId("resume").addEventListener("click", () => this.ask("resume"));
    byId("login-form").addEventListener("submit", (event) => this.logIn(event));
    byId("act-form").addEventListener("submit", (event) => this.act(event));
    for (const button of document.querySelectorAll("dialog .close")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
  }

  /** `session`: as whom this dashboard operates; empty: it only shows. */
  async begin(session) {
    this.session = session;
    if (session && sessionStorage.getItem(KEPT)) {
      const answer = await this.send("GET", "/login");
      this.isIn = answer.ok === true;
      if (answer.ok === false) sessionStorage.removeItem(KEPT);
    }
    this.show();
  }

  show() {
    byId("login").hidden = !this.session || this.isIn;
    byId("logout").hidden = !this.isIn;
    const hint = this.session ? "Shown to who is logged in." : "This dashboard has no operator's key.";
    this.onChange(this.isIn, hint);
    for (const id of ["halt", "resume"]) byId(id).hidden = !this.isIn || !this.getRow();
    write(byId("who"), !this.session ? "read-only" : this.isIn ? `acting as ${this.session}` : "");
  }

  async logIn(event) {
    event.preventDefault();
    const input = byId("secret");
    const answer = await this.submit("login-form", () => this.send("POST", "/login", { secret: input.value.trim() }));
    if (!answer) return;
    input.value = "";
    sessionStorage.setItem(KEPT, answer.token);
    this.isIn = true;
    this.show();
    byId("login-dialog").close();
    byId("logout").focus();
  }

  async logOut() {
    await this.send("POST", "/logout");
    sessionStorage.removeItem(KEPT);
    this.isIn = false;
    this.show();
    byId("login").focus();
  }

  ask(act) {
    const row = this.getRow();
    if (!row) return;
    this.asked = { act, id: row.id, symbol: row.symbol };
    const verb = act === "halt" ? "Halt" : "Resume";
    write(byId("act-title"), `${verb} ${row.symbol}`);
    write(byId("act-meaning"), MEANING[act]);
    write(byId("act-symbol"), row.symbol);
    write(byId("act-submit"), `${verb} ${row.symbol}`, act === "halt" ? "first danger" : "first");
    byId("typed").value = "";
    byId("reason").value = "";
    openDialog("act-dialog");
  }

  async act(event) {
    event.preventDefault();
    const { act, id, symbol } = this.asked;
    const body = { act, instrument_id: id, typed: byId("typed").value.trim(), reason: byId("reason").value };
    const answer = await this.submit("act-form", () => this.send("POST", "/act", body));
    if (!answer) return;
    byId("act-dialog").close();
    this.onActed();
    write(byId("said"), `${symbol}: ${act} is journaled at sequence ${count(answer.sequence)}.`);
  }

  /** The answer, or null where there was a problem, which the form then shows. */
  async submit(formId, send) {
    const form = byId(formId);
    const button = form.querySelector("[type=submit]");
    const problem = form.querySelector(".problem");
    button.disabled = true;
    write(problem, "");
    const answer = await send();
    button.disabled = false;
    if (!answer.problem) return answer;
    write(problem, answer.problem);
    return null;
  }

  /** What was answered; `problem` where it was a refusal, or nothing. */
  async send(method, path, body) {
    const headers = { "Content-Type": "application/json" };
    const token = sessionStorage.getItem(KEPT);
    if (token) headers[HEADER] = token;
    try {
      const options = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
      const response = await fetch(path, options);
      const text = await response.text();
      try {
        return JSON.parse(text);
      } catch {
        return { problem: text.trim() || `status ${response.status}` };
      }
    } catch {
      return { problem: "The dashboard does not answer: nobody knows whether it was done. Look at the phase." };
    }
  }
}

function openDialog(id) {
  const dialog = byId(id);
  write(dialog.querySelector(".problem"), "");
  dialog.showModal();
  dialog.querySelector("input").focus();
}
