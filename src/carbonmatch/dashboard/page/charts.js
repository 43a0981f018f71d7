// Latency and throughput over the last quarter of an hour, drawn by uPlot (vendor/).

/* global uPlot */

import { byId } from "./dom.js";
import { few } from "./format.js";

const POINTS_MAX = 450;
// A page that has just begun shows at least so much time, with a label a minute at most.
const SECONDS_MIN = 300;
const LABELS_SECONDS = [60, 120, 300, 600];
const PLOT_HEIGHT = 200;
// A point: seconds since 1970; commands, trades, refusals a second; median and 99 % of latency, 99 % of commits.
const THROUGHPUT = [
  { at: 1, label: "commands", colour: "--accent" },
  { at: 2, label: "trades", colour: "--buy" },
  { at: 3, label: "refused", colour: "--sell", dash: [6, 4] },
];
const LATENCY = [
  { at: 4, label: "median", colour: "--accent" },
  { at: 5, label: "99 %", colour: "--sell" },
  { at: 6, label: "99 % of commits", colour: "--warn", dash: [6, 4] },
];

export class Charts {
  constructor() {
    this.points = [];
    this.plots = [];
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.fit()).observe(byId("latency"));
  }

  take({ is_whole, rows }) {
    if (is_whole && rows.length) {
      // A dashboard that was started anew remembers less than this page does.
      this.points = this.points.filter((point) => point[0] < rows[0][0]);
    }
    this.points.push(...rows);
    this.points.splice(0, this.points.length - POINTS_MAX);
    if (!this.plots.length) this.draw();
    for (const { uplot, ...plot } of this.plots) {
      uplot.setData(this.data(plot));
      // Without a pointer over it, the legend says what is now.
      if (uplot.cursor.left === undefined || uplot.cursor.left < 0) uplot.setLegend({ idx: this.points.length - 1 });
    }
    this.describe();
  }

  draw() {
    for (const plot of this.plots) plot.uplot.destroy();
    this.plots = [
      this.plot("latency", LATENCY, 1000, { distr: 3, log: 10 }, powersOfTen),
      this.plot("throughput", THROUGHPUT, 1, { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] }),
    ];
  }

  plot(id, lines, scale, y, splits) {
    const element = byId(id);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const plot = { id, lines, scale, element };
    const options = {
      width: element.clientWidth,
      height: PLOT_HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
      cursor: { drag: { x: false, y: false } },
      scales: { x: { range: timeRange }, y },
      axes: [
        { ...axis, size: 30, values: "{HH}:{mm}", space: 60, incrs: LABELS_SECONDS },
        { ...axis, size: 48, splits, values: (_plot, ticks) => ticks.map((value) => (value === null ? "" : few(value))) },
      ],
      series: [
        { label: "UTC", value: "{HH}:{mm}:{ss}" },
        ...lines.map((line) => ({
          label: line.label,
          stroke: colour(line.colour),
          width: 1.5,
          dash: line.dash,
          points: { show: false },
          value: (_plot, value) => few(value),
        })),
      ],
    };
    plot.uplot = new uPlot(options, this.data(plot), element);
    return plot;
  }

  data({ lines, scale }) {
    // A logarithmic scale has no 0, and nothing that takes a time takes none.
    const value = (found) => (found === null || (scale !== 1 && found <= 0) ? null : found * scale);
    return [this.points.map((point) => point[0]), ...lines.map(({ at }) => this.points.map((point) => value(point[at])))];
  }

  fit() {
    for (const { uplot, element } of this.plots) {
      uplot.setSize({ width: element.clientWidth, height: PLOT_HEIGHT });
    }
  }

  /** Say in words what the picture shows now, for those who do not see it. */
  describe() {
    const last = this.points.at(-1);
    if (!last) return;
    for (const { element, lines, scale, id } of this.plots) {
      const words = lines.map(({ at, label }) => `${label} ${few(last[at] === null ? null : last[at] * scale)}`);
      element.setAttribute("aria-label", `${id} over the last quarter of an hour; now: ${words.join(", ")}`);
    }
  }
}

function timeRange(_plot, first, last) {
  return [Math.min(first, last - SECONDS_MIN), last];
}

/** Where a logarithmic axis has its lines. */
function powersOfTen(_plot, _axis, low, high) {
  const lines = [];
  for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high; power += 1) lines.push(10 ** power);
  return lines;
}
