// How the venue is: figures, journal and follower, sessions, stages, alerts, and how old all of that may be.

import { byId, fitRows, make, write, writeFacts } from "./dom.js";
import { bytes, clock, count, few, milliseconds, NONE, percent, span } from "./format.js";

const SOURCES = { feed: "market data", metrics: "metrics", follower: "follower" };
const GOOD_STATES = new Set(["active"]);
const BAD_STATES = new Set(["degraded", "stopping"]);

export class Status {
  constructor() {
    this.known = {};
    this.lostSinceMs = null;
    // How far the dashboard's clock is ahead of this browser's.
    this.aheadMs = 0;
  }

  take(message) {
    if (message.now_ns) this.aheadMs = message.now_ns / 1e6 - Date.now();
    Object.assign(this.known, message);
  }

  get nowMs() {
    return Date.now() + this.aheadMs;
  }

  heard() {
    this.lostSinceMs = null;
  }

  lost() {
    this.lostSinceMs ??= this.nowMs;
  }

  show() {
    const { vitals, following, alerts } = this.known;
    if (vitals) {
      this.showFigures(vitals);
      this.showSessions(vitals);
      this.showStages(vitals.stages);
    }
    if (vitals || following) this.showJournal(vitals ?? {}, following);
    if (alerts) this.showAlerts(alerts);
    this.showSources();
  }

  /** What changes by itself as time goes by. */
  showTime() {
    write(byId("clock"), clock(this.nowMs * 1e6));
    this.showStale();
    this.showState();
  }

  // --- how old it is ---------------------------------------------------------------------------

  get problems() {
    if (this.lostSinceMs !== null) {
      const text = `No word from the dashboard since ${clock(this.lostSinceMs * 1e6)} UTC: everything here is old`;
      return [{ text, seconds: (this.nowMs - this.lostSinceMs) / 1000 }];
    }
    return Object.entries(SOURCES).flatMap(([name, words]) => {
      const source = this.known[name];
      if (!source || source.is_good) return [];
      const text = `Old ${words} since ${clock(source.since_ns)} UTC: ${source.text}`;
      return [{ text, seconds: this.nowMs / 1000 - source.since_ns / 1e9 }];
    });
  }

  showStale() {
    const problems = this.problems;
    const banner = byId("stale");
    banner.hidden = !problems.length;
    while (banner.children.length > problems.length) banner.lastChild.remove();
    while (banner.children.length < problems.length) {
      const line = make("p");
      // What counts on is for the eyes: read out is what is wrong, once.
      const counting = make("span");
      counting.setAttribute("aria-hidden", "true");
      line.append(make("span"), counting);
      banner.append(line);
    }
    problems.forEach(({ text, seconds }, at) => {
      write(banner.children[at].firstChild, text);
      write(banner.children[at].lastChild, ` (${span(Math.max(0, seconds))})`);
    });
  }

  showState() {
    const { metrics, vitals } = this.known;
    const isLost = this.lostSinceMs !== null;
    document.body.classList.toggle("old-page", isLost);
    document.body.classList.toggle("old-metrics", isLost || metrics?.is_good === false);
    const element = byId("state");
    if (this.lostSinceMs !== null) write(element, "no connection", "pill bad");
    else if (!metrics) write(element, "connecting", "pill odd");
    else if (!metrics.is_good || !vitals) write(element, "engine does not answer", "pill bad");
    else {
      const state = vitals.state || "unknown";
      write(element, state, `pill ${GOOD_STATES.has(state) ? "good" : BAD_STATES.has(state) ? "bad" : "odd"}`);
    }
  }

  showSources() {
    const element = byId("sources");
    const shown = Object.entries(SOURCES).filter(([name]) => this.known[name]);
    if (element.children.length !== shown.length) {
      element.replaceChildren(...shown.map(() => make("span")));
    }
    shown.forEach(([name, words], at) => {
      const { is_good } = this.known[name];
      write(element.children[at], is_good ? words : `${words}: old`, is_good ? "" : "bad");
    });
  }

  // --- figures ---------------------------------------------------------------------------------

  showFigures(vitals) {
    const facts = [
      ["Commands", few(vitals.commands_per_second), "", "/s"],
      ["Trades", few(vitals.trades_per_second), "", "/s"],
      ["Refused", percent(vitals.rejected_share, 1), "", "%"],
      ["Latency, median", milliseconds(vitals.latency_median_seconds), "", "ms"],
      ["Latency, 99 %", milliseconds(vitals.latency_p99_seconds), "", "ms"],
      ["Capacity used", percent(vitals.capacity_used_ratio), "", "%"],
      ["Open orders", count(vitals.open_orders)],
      ["Connections", count(vitals.connections)],
    ];
    writeFacts(byId("figures"), facts, true);
  }

  showSessions(vitals) {
    const roles = Object.entries(vitals.sessions).map(([role, found]) => [role.replaceAll("_", " "), count(found)]);
    writeFacts(byId("sessions"), [
      ...roles,
      ["connections", count(vitals.connections)],
      ["subscribers", count(vitals.feed_subscribers)],
      ["logons refused", count(vitals.logons_rejected)],
      ["slow readers cut", count(vitals.slow_readers_cut)],
    ], true);
  }

  showStages(stages) {
    const body = byId("stages").tBodies[0];
    fitRows(body, stages.length, () => {
      const row = make("tr");
      const name = make("th");
      name.scope = "row";
      row.append(name, make("td", "", "number"), make("td", "", "number"));
      return row;
    });
    stages.forEach((stage, at) => {
      const cells = body.rows[at].cells;
      write(cells[0], stage.name);
      write(cells[1], milliseconds(stage.median_seconds));
      write(cells[2], milliseconds(stage.p99_seconds));
    });
  }

  showJournal(vitals, following) {
    const facts = [
      ["applied, sequence", count(vitals.last_sequence)],
      ["durable, sequence", count(vitals.durable_sequence)],
      ["99 % of commits", milliseconds(vitals.commit_p99_seconds), "", "ms"],
      ["slow commits", count(vitals.commits_slow)],
      ["segments ahead", count(vitals.spare_segments)],
      ["disk free", `${bytes(vitals.disk_free_bytes)} of ${bytes(vitals.disk_size_bytes)}`],
    ];
    if (following) {
      facts.push(
        ["follower, sequence", count(following.sequence)],
        ["follower behind", count(following.lag_commands), "", "commands"],
        ["follower behind", few(following.lag_seconds), "", "s"],
        ...snapshotFacts(following.snapshot_sequence ? following : vitals),
        ["executed again, it is", following.diverged ? "DIVERGED" : "equal", following.diverged ? "bad" : ""],
      );
    } else {
      facts.push(
        ...snapshotFacts(vitals),
        ["follower", "no --follower-url"],
      );
    }
    writeFacts(byId("journal"), facts);
  }

  // --- alerts ----------------------------------------------------------------------------------

  showAlerts({ by, alerts, problem }) {
    write(byId("alerts-by"), `by ${by}${problem ? `, as ${problem}` : ""}`);
    const list = byId("alerts");
    const key = JSON.stringify([by, alerts]);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    // Their figures change all the time: read out is which there are, when others are.
    const names = alerts.map((alert) => alert.name).join(", ");
    write(byId("alerts-said"), names ? `${alerts.length} alerts: ${names}` : "No alerts");
    list.replaceChildren(...(alerts.length ? alerts.map(alertItem) : [make("li", "Nothing to report.", "none")]));
  }
}

// Of the newest one, by whoever knows it.
function snapshotFacts({ snapshot_sequence: sequence, snapshot_age_seconds: ageSeconds }) {
  return [
    ["snapshot, sequence", sequence ? count(sequence) : "none yet"],
    ["snapshot age", sequence ? span(ageSeconds) : NONE],
  ];
}

function alertItem(alert) {
  const item = make("li", "", alert.severity === "critical" ? "critical" : "");
  item.append(make("strong", alert.name));
  const since = alert.since_ns ? `, since ${clock(alert.since_ns)} UTC` : "";
  item.append(`${alert.text} `, make("span", `${alert.severity || "no severity"}, ${alert.state}${since}`, "muted"));
  if (alert.runbook) {
    const link = make("a", "what to do");
    link.href = alert.runbook;
    link.rel = "noreferrer";
    item.append(" ", link);
  }
  return item;
}
