// Numbers to text, with their units: the one place that knows how a quantity is written.
// Every function returns {n, u}: the number and its unit, apart, so that the unit can be set smaller.

import { h, setAttr, setText } from "./dom.js";

export const NONE = "—";
const THIN = " ";

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function fixed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

export function power(value_w, digits = 1) {
  return isNumber(value_w) ? { n: fixed(value_w / 1000, digits), u: "kW" } : { n: NONE, u: "kW" };
}

export function energy(value_wh, digits = 1) {
  if (!isNumber(value_wh)) return { n: NONE, u: "kWh" };
  if (Math.abs(value_wh) < 100) return { n: fixed(value_wh, digits), u: "Wh" };
  return { n: fixed(value_wh / 1000, value_wh < 1000 ? 2 : digits), u: "kWh" };
}

export function percent(frac, digits = 1) {
  return isNumber(frac) ? { n: fixed(frac * 100, digits), u: "%" } : { n: NONE, u: "%" };
}

export function temperature(value_c) {
  return { n: isNumber(value_c) ? fixed(value_c, 1) : NONE, u: "°C" };
}

export function rate(value_bps) {
  if (!isNumber(value_bps)) return { n: NONE, u: "bit/s" };
  const steps = [[1e12, "Tbit/s"], [1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"]];
  for (const [size, unit] of steps) {
    if (value_bps >= size) return { n: fixed(value_bps / size, value_bps / size < 10 ? 1 : 0), u: unit };
  }
  return { n: fixed(value_bps, 0), u: "bit/s" };
}

export function bytes(value) {
  if (!isNumber(value)) return { n: NONE, u: "B" };
  if (value >= 1e6) return { n: fixed(value / 1e6, 1), u: "MB" };
  if (value >= 1e3) return { n: fixed(value / 1e3, 1), u: "kB" };
  return { n: fixed(value, 0), u: "B" };
}

export function degrees(value, positive, negative) {
  if (!isNumber(value)) return { n: NONE, u: "°" };
  return { n: fixed(Math.abs(value), 1), u: `°${value < 0 ? negative : positive}` };
}

export function milliseconds(value_s) {
  return { n: isNumber(value_s) ? fixed(value_s * 1000, 1) : NONE, u: "ms" };
}

export function count(value) {
  return { n: isNumber(value) ? String(value) : NONE, u: "" };
}

/** Return a duration such as 04:31, 1:04:31 or 2 d 03:10 (minutes and seconds unless longer). */
export function duration(value_s) {
  if (!isNumber(value_s)) return NONE;
  const whole = Math.max(0, Math.round(value_s));
  const two = (value) => String(value).padStart(2, "0");
  const days = Math.floor(whole / 86400);
  const hours = Math.floor((whole % 86400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days > 0) return `${days}${THIN}d ${two(hours)}:${two(minutes)}`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(whole % 60)}`;
  return `${two(minutes)}:${two(whole % 60)}`;
}

/** Return an age in words: "12 s ago", "4 min ago", "3 h ago". */
export function ago(value_s) {
  if (!isNumber(value_s)) return NONE;
  if (value_s < 1) return "now";
  if (value_s < 90) return `${Math.round(value_s)}${THIN}s ago`;
  if (value_s < 5400) return `${Math.round(value_s / 60)}${THIN}min ago`;
  if (value_s < 172800) return `${(value_s / 3600).toFixed(1)}${THIN}h ago`;
  return `${Math.round(value_s / 86400)}${THIN}d ago`;
}

/** Return a quantity as one text, for labels and canvases. */
export const flat = ({ n, u }) => (u ? `${n}${THIN}${u}` : n);

/** Return a new element that shows a quantity. */
export function quantity(extra = "") {
  return h(`span.qty${extra}`, {}, h("span.n", { text: NONE }), h("span.u"));
}

/** Show a quantity in an element made by `quantity`; `why` explains a value that is missing. */
export function setQuantity(el, { n, u }, why = "not reported") {
  setText(el.firstChild, n);
  setText(el.lastChild, u);
  setAttr(el, "data-lost", n === NONE ? "yes" : null);
  setAttr(el, "title", n === NONE ? why : null);
}
