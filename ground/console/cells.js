// Small instruments that several screens share: chips, bars, sign-and-word pairs, jobs, lasers.

import { h, setAttr, setShown, setStyle, setText } from "./dom.js";
import { glyph, setGlyph } from "./glyph.js";
import { flat, percent, quantity, rate, setQuantity } from "./format.js";
import { pat } from "./words.js";

/** A sign with a word: `show({word, glyph, tone})`. */
export function signed(extra = "") {
  const sign = glyph("unknown");
  const word = h("span.word", { text: "—" });
  const el = h(`span.signed${extra}`, {}, sign, word);
  return {
    el,
    show(words, text = words.word) {
      setGlyph(sign, words.glyph);
      setText(word, text);
      setAttr(el, "data-tone", words.tone);
    },
  };
}

/** A bar from 0 to 1 with an optional mark: `show(frac, tone, mark_frac)`. */
export function bar(label) {
  const fill = h("span.bar-fill");
  const mark = h("span.bar-mark", { hidden: true });
  const el = h("span.bar", { role: "meter", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, fill, mark);
  return {
    el,
    show(frac, tone = "calm", mark_frac = null) {
      const known = typeof frac === "number";
      setStyle(fill, "transform", `scaleX(${known ? Math.max(0, Math.min(1, frac)).toFixed(3) : 0})`);
      setAttr(el, "data-tone", known ? tone : "lost");
      setAttr(el, "aria-valuenow", known ? (frac * 100).toFixed(0) : null);
      setAttr(el, "aria-valuetext", known ? flat(percent(frac)) : "not reported");
      setShown(mark, mark_frac !== null);
      if (mark_frac !== null) setStyle(mark, "left", `${(mark_frac * 100).toFixed(1)}%`);
    },
  };
}

/** Battery: bar, percent and energy. */
export function battery() {
  const level = bar("Battery charge");
  const charge = quantity(".strong");
  const el = h("div.battery", {}, charge, level.el);
  return {
    el,
    show(view, floor_frac) {
      const low = view.soc_frac !== null && floor_frac !== null && view.soc_frac <= floor_frac + 0.02;
      setQuantity(charge, percent(view.soc_frac), lostWhy(view));
      level.show(view.soc_frac, low ? "bad" : "battery", floor_frac);
    },
  };
}

/** One laser terminal: its number, state sign, peer and rate. */
export function laser() {
  const number = h("span.terminal");
  const state = signed();
  const rateText = quantity(".soft");
  const el = h("div.laser", {}, number, state.el, rateText);
  return {
    el,
    update(terminal) {
      const words = pat(terminal.state);
      setText(number, `T${terminal.terminal}`);
      state.show(words, terminal.peer ? terminal.peer : words.word);
      setAttr(el, "title", `Terminal ${terminal.terminal}: ${words.word}${terminal.peer ? ` ${terminal.peer}` : ""}`);
      setShown(rateText, terminal.state === "TRACK" || !terminal.peer);
      if (terminal.state === "TRACK") setQuantity(rateText, rate(terminal.rate_bps));
      else setQuantity(rateText, { n: " ", u: "" });
    },
  };
}

/** Return why a value of this node is missing, for its title. */
export function lostWhy(view) {
  if (!view.heard) return "The node has not been heard yet, or not for long: the last value is not known.";
  return "The node reports this reading as lost. See its events.";
}

/** Return how the energy balance stands: what is left over, or what the battery gives. */
export function balance(view) {
  if (typeof view.solar_w !== "number" || typeof view.load_w !== "number") return { word: "—", glyph: "unknown", tone: "calm", net_w: null };
  const net_w = view.solar_w - view.load_w;
  if (Math.abs(net_w) < 200) return { word: "level", glyph: "level", tone: "calm", net_w };
  if (net_w > 0 && typeof view.soc_frac === "number" && view.soc_frac >= 0.9995) return { word: "to spare", glyph: "up", tone: "good", net_w };
  return net_w > 0 ? { word: "charging", glyph: "up", tone: "good", net_w } : { word: "discharging", glyph: "down", tone: "warn", net_w };
}
