// Draws the plots of a report of the bench with uPlot, from the data that stands in the page.

/* global uPlot */

const HEIGHT = { percentile: 380, time: 250, rate: 340 };
const DASHES = [[], [7, 4], [2, 3]];

const style = () => getComputedStyle(document.documentElement);
const colour = (name) => style().getPropertyValue(name).trim();

function microseconds(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 1e6) return `${few(value / 1e6)} s`;
  if (value >= 1e3) return `${few(value / 1e3)} ms`;
  return `${few(value)} µs`;
}

/** Three digits that count, with thousands apart. */
function few(value) {
  if (value === null || value === undefined) return "–";
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 3) });
}

/** From log10(1 / (1 - share)) to the percentile that it stands for. */
function percentile(x) {
  if (x === 0) return "0 %";
  const nines = Math.max(0, Math.ceil(x - 1e-9) - 2);
  return `${(100 * (1 - 10 ** -x)).toFixed(x < 1 ? 0 : nines)} %`;
}

const X = {
  percentile: { label: "percentile", value: percentile },
  time: { label: "seconds", value: (x) => `${few(x)} s` },
  rate: { label: "commands/s offered", value: few },
};
const Y = { us: microseconds, rate: few, MiB: (value) => `${few(value)} MiB`, count: few };

function powersOfTen(_plot, _axis, low, high) {
  const lines = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high * 1.0001; power += 1) {
    for (const step of [1, 2, 5]) {
      const line = step * 10 ** power;
      if (line >= low * 0.9999 && line <= high * 1.0001) lines.push(line);
    }
  }
  const whole = lines.filter((line) => /^1/.test(line.toExponential()));
  return whole.length >= 3 ? whole : lines;
}

/** Spans of time or rate that have a name, and lines at a value, beneath the curves. */
function marks(chart) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    for (const { from, to, label } of chart.bands ?? []) {
      const left = plot.valToPos(from, "x", true);
      ctx.fillStyle = colour("--band");
      ctx.fillRect(left, bbox.top, plot.valToPos(to, "x", true) - left, bbox.height);
      ctx.fillStyle = colour("--mark");
      ctx.fillText(label, left + 5 * devicePixelRatio, bbox.top + bbox.height - 6 * devicePixelRatio);
    }
    ctx.strokeStyle = ctx.fillStyle = colour("--mark");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const [row, { x, label }] of (chart.lines ?? []).entries()) {
      const at = plot.valToPos(x, "x", true);
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      // On the side where there is more room.
      const isLate = at > bbox.left + bbox.width / 2;
      ctx.textAlign = isLate ? "right" : "left";
      ctx.fillText(label, at + (isLate ? -5 : 5) * devicePixelRatio, bbox.top + (14 + 15 * row) * devicePixelRatio);
    }
    ctx.textAlign = "left";
    for (const { y, label } of chart.levels ?? []) {
      const at = plot.valToPos(y, "y", true);
      ctx.beginPath();
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
      ctx.stroke();
      ctx.fillText(label, bbox.left + 5 * devicePixelRatio, at - 4 * devicePixelRatio);
    }
    ctx.restore();
  };
}

function draw(chart) {
  const element = document.getElementById(chart.id);
  const x = X[chart.kind];
  const y = Y[chart.unit];
  const axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
  };
  const isPercentile = chart.kind === "percentile";
  const xAxis = { ...axis, label: x.label, labelSize: 20, size: 34, values: (_plot, ticks) => ticks.map(x.value) };
  if (isPercentile) {
    xAxis.splits = (_plot, _axis, low, high) => [0, Math.log10(2), 1, 2, 3, 4, 5, 6, 7].filter((at) => at >= low - 1e-9 && at <= high + 1e-9);
  } else {
    xAxis.values = (_plot, ticks) => ticks.map(few);
  }
  const yScale = chart.log
    ? { distr: 3, log: 10, range: (_plot, low, high) => [Math.max(low, 1e-3) / 1.25, high * 1.35] }
    : { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] };
  const values = (_plot, ticks) => ticks.map((tick) => (tick === null ? "" : y(tick)));
  const options = {
    width: element.clientWidth,
    height: HEIGHT[chart.kind],
    cursor: { drag: { x: true, y: false }, focus: { prox: 24 } },
    focus: { alpha: 0.35 },
    scales: { x: { time: false, range: isPercentile ? (_plot, low, high) => [low, high] : undefined }, y: yScale },
    axes: [xAxis, { ...axis, size: 62, splits: chart.log ? powersOfTen : undefined, values }],
    series: [
      { label: x.label, value: (_plot, found) => (found === null ? "–" : x.value(found)) },
      ...chart.series.map((one) => ({
        label: one.label,
        stroke: colour(`--s${one.colour % 8}`),
        width: one.points ? 1.8 : 1.6,
        dash: DASHES[one.dash ?? 0],
        spanGaps: true,
        points: { show: Boolean(one.points), size: 7, fill: colour("--paper") },
        paths: one.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
        value: (_plot, found) => y(found),
      })),
    ],
    hooks: { drawClear: [marks(chart)] },
  };
  // A logarithmic scale has no 0.
  const tables = chart.tables.map(([xs, ...rest]) => [
    xs,
    ...rest.map((ys) => ys.map((found) => (chart.log && found !== null && found <= 0 ? null : found))),
  ]);
  const plot = new uPlot(options, tables.length > 1 ? uPlot.join(tables) : tables[0], element);
  element.setAttribute("aria-label", chart.title);
  return () => plot.setSize({ width: element.clientWidth, height: HEIGHT[chart.kind] });
}

const charts = JSON.parse(document.getElementById("charts").textContent);
const drawn = charts.map(draw);
addEventListener("resize", () => drawn.forEach((fit) => fit()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
document.documentElement.dataset.drawn = String(drawn.length);
