// Numbers as people read them. Prices come as whole ticks; nothing here computes with money.

export const NONE = "–";

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** A price of `ticks` in its currency, all its decimals shown; nothing where there is none. */
export function price(ticks, decimals) {
  if (!ticks) return "";
  const digits = String(ticks).padStart(decimals + 1, "0");
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
}

export function count(value) {
  return value === null || value === undefined ? NONE : whole.format(value);
}

/** A rate or another number of any size, to three digits or so. */
export function few(value) {
  if (value === null || value === undefined) return NONE;
  return Math.abs(value) >= 100 ? whole.format(value) : String(Number(value.toPrecision(3)));
}

export function milliseconds(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const value = seconds * 1000;
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3);
}

export function percent(ratio, digits = 0) {
  return ratio === null || ratio === undefined ? NONE : (ratio * 100).toFixed(digits);
}

export function bytes(value) {
  if (value === null || value === undefined) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

/** Hours, minutes and seconds of a time in UTC, given in nanoseconds since 1970. */
export function clock(ns) {
  return new Date(ns / 1e6).toISOString().slice(11, 19);
}

/** How long, as the largest unit that fits. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** The last price against the reference price, in percent with its sign; empty where one is not known. */
export function change(row) {
  if (!row.last_ticks || !row.reference_ticks) return { text: "", side: "" };
  const value = ((row.last_ticks - row.reference_ticks) * 100) / row.reference_ticks;
  if (!value) return { text: "0.00", side: "" };
  return { text: `${value > 0 ? "▲ +" : "▼ −"}${Math.abs(value).toFixed(2)}`, side: value > 0 ? "buy" : "sell" };
}
