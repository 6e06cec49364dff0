// One node: the power-and-orbit strip, its numbers now, its telecommands.

import { h, setAttr, setShown, setText } from "../dom.js";
import { lightNow, nextContact, nextLight } from "../forecast.js";
import { ago, duration } from "../format.js";
import { History } from "../history.js";
import { Strip } from "../strip.js";
import { signed } from "../cells.js";
import { lightWords, mode as modeWords, modeReason } from "../words.js";
import { commandPanel } from "./commands.js";
import { readouts } from "./readouts.js";
import { telecommandList } from "./tcs.js";

const RANGES = [["30 min", 1800], ["Orbit 95 min", 5700], ["6 h", 21600], ["24 h", 86400]];

function head(node) {
  const parts = { satellite: h("span.soft"), mode: signed(".chip"), reason: h("span.soft"), light: signed(), change: h("span.soft"), contact: signed(), next: h("span.soft"), heard: h("span.soft") };
  const previous = h("a.button.small", { title: "Previous node  [", text: "‹", "aria-label": "Previous node" });
  const next = h("a.button.small", { title: "Next node  ]", text: "›", "aria-label": "Next node" });
  const el = h("div.node-head", {},
    h("div.node-title", {}, h("h1", { text: node }), parts.satellite),
    h("div.fact", {}, parts.mode.el, parts.reason),
    h("div.fact", {}, parts.light.el, parts.change),
    h("div.fact", {}, parts.contact.el, parts.next),
    h("span.spring"), parts.heard, h("div.steps", {}, previous, next));
  return { el, parts, previous, next };
}

function showHead({ parts }, view, forecast, now_s, lag_s) {
  setText(parts.satellite, view.satellite ?? "");
  parts.mode.show(modeWords(view.mode), view.mode ?? "—");
  setText(parts.reason, modeReason(view.mode_reason));
  const change = nextLight(view, forecast, now_s);
  const light = lightWords(lightNow(view, forecast, now_s), change);
  parts.light.show(light.words, light.now);
  setText(parts.change, change === null ? "next change —" : change.in_s > 0 ? `${light.name} in ${duration(change.in_s)}` : `${light.name} due`);
  const contact = nextContact(view, forecast, now_s);
  parts.contact.show(contact?.now ? { word: "In contact", glyph: "contact", tone: "pass" } : { word: "No contact", glyph: "idle", tone: "calm" });
  const left = contact && contact.in_s !== null ? duration(contact.in_s) : "—";
  setText(parts.next, contact?.now ? `${contact.station ?? ""} for ${left}` : `${contact?.station ?? "next pass"} in ${left}`);
  setText(parts.heard, view.heard_s_ago === null || view.heard_s_ago === undefined ? "never heard" : `heard ${ago(view.heard_s_ago + lag_s)}`);
}

function rangeBar(strip) {
  const buttons = RANGES.map(([text, span_s]) => {
    const button = h("button.toggle", { type: "button", text, "aria-pressed": String(span_s === strip.span_s) });
    button.addEventListener("click", () => {
      strip.setSpan(span_s);
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    });
    return button;
  });
  const past = h("span.not-now", { role: "status", text: "You look at the past." });
  const now = h("button.button.small", { type: "button", text: "Back to now", onclick: () => strip.pan(0) });
  const problem = h("span.problem", { role: "status" });
  const el = h("div.toolbar.range-bar", {}, h("h2", { text: "Power and orbit" }), h("div.toggles", { role: "group", "aria-label": "Span of time" }, ...buttons),
    problem, h("span.spring"), past, now, h("span.soft.hint", { text: "drag, or ← → to look back" }));
  return {
    el,
    update() {
      for (const part of [past, now]) setShown(part, strip.offset_s < 0);
      setText(problem, strip.history.problem ? `History: ${strip.history.problem}` : "");
    },
  };
}

/** Show the screen of one node in `root`. */
export function nodeView(context, root, node) {
  const { store, clock, forecasts, api } = context;
  const view = () => store.nodes.get(node);
  const history = new History(api, node);
  const top = head(node);
  const missing = h("p.empty", { text: `The ground service knows no node ${node}.` });
  const panel = h("section.panel.strip-panel");
  const strip = new Strip(panel, { clock, history, floor_frac: () => context.floor_frac(view()) });
  const range = rangeBar(strip);
  panel.prepend(range.el);
  const numbers = readouts(context);
  const commands = commandPanel(context, node);
  const tcs = telecommandList(context, node);
  const body = h("div.node-body", {}, h("div.node-main", {}, panel), h("aside.node-side", {}, numbers.el, commands.el, tcs.el));
  root.append(h("div.node", {}, top.el, missing, body));
  let seen = null;

  function beside(step) {
    const names = store.nodeList().map((one) => one.node);
    const at = names.indexOf(node);
    return at < 0 ? null : `#/node/${encodeURIComponent(names[(at + step + names.length) % names.length])}`;
  }
  const go = (step) => { const href = beside(step); if (href) location.hash = href; };

  return {
    keys: { "[": () => go(-1), "]": () => go(1), ArrowLeft: () => strip.pan(-0.1), ArrowRight: () => strip.pan(strip.offset_s < 0 ? Math.min(0.1, -strip.offset_s / strip.span_s) || 0 : 0), Home: () => strip.pan(0) },
    paint(now_s) {
      const current = view();
      setShown(missing, current === undefined && store.nodes.size > 0);
      setShown(body, current !== undefined);
      if (current === undefined) return;
      const forecast = forecasts.of(node, now_s);
      setAttr(top.previous, "href", beside(-1));
      setAttr(top.next, "href", beside(1));
      showHead(top, current, forecast, now_s, Math.max(0, now_s - store.at_s));
      if (current !== seen) history.live(current, store.at_s);
      seen = current;
      strip.paint(now_s, forecast);
      range.update();
      numbers.paint(current);
      commands.paint(current);
      tcs.paint(now_s);
    },
    destroy() {
      strip.destroy();
      history.destroy();
      commands.destroy();
    },
  };
}
