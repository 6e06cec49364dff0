// Fleet: the map, the newest events, and one row for each node.

import { balance, bar, battery, laser, lostWhy, signed } from "../cells.js";
import { h, KeyedList, setAttr, setShown, setText } from "../dom.js";
import { lightNow, nextContact, nextLight } from "../forecast.js";
import { ago, duration, energy, percent, power, quantity, setQuantity, temperature } from "../format.js";
import { FleetMap } from "../map.js";
import { inWords, lightWords, mode as modeWords, modeReason } from "../words.js";
import { eventRow } from "./events.js";

const COLUMNS = ["Node", "Mode", "Light", "Battery", "Power", "Compute", "Module", "Jobs", "Lasers", "Ground contact"];
const PAINT_MS = 195; // wall time: news comes five times a second, the table need not be faster
const NEWEST_EVENTS = 14; // those that do not fit wrap out of sight

const stacked = (...children) => h("td", {}, h("div.stack", {}, ...children));
const labelled = (label, value) => h("div.pair", {}, h("span.label", { text: label }), value);

/** One row of the fleet table. */
function nodeRow(context, first) {
  const { store, clock, forecasts } = context;
  const href = `#/node/${encodeURIComponent(first.node)}`;
  const cells = {
    satellite: h("span.sub"),
    mode: signed(".chip"), reason: h("span.sub"),
    light: signed(), change: h("span.sub"),
    battery: battery(), energy: quantity(".sub"),
    solar: quantity(), load: quantity(), net: signed(".sub"),
    compute: quantity(".strong"), cap: quantity(".soft"), use: bar("Compute power of its cap"),
    temperature: quantity(".strong"),
    job: h("span.job-id"), progress: bar("Progress of the running job"), share: quantity(".soft"), queue: h("span.sub"),
    lasers: h("div.lasers"),
    contact: signed(), station: h("span.sub"), heard: h("span.sub"),
  };
  const lasers = new KeyedList(cells.lasers, laser);
  const link = h("a.node-name", { href, text: first.node });
  const el = h("tr", { "data-node": first.node },
    h("th", { scope: "row" }, h("div.stack", {}, link, cells.satellite)),
    stacked(cells.mode.el, cells.reason),
    stacked(cells.light.el, cells.change),
    stacked(cells.battery.el, cells.energy),
    stacked(h("div.duo", {}, labelled("solar", cells.solar), labelled("load", cells.load)), cells.net.el),
    stacked(h("div.inline", {}, cells.compute, h("span.inline.soft", {}, h("span", { text: "of" }), cells.cap)), cells.use.el),
    stacked(cells.temperature),
    stacked(h("div.job-line", {}, cells.job, cells.share), cells.progress.el, cells.queue),
    stacked(cells.lasers),
    stacked(cells.contact.el, cells.station, cells.heard));
  el.addEventListener("click", (event) => { if (!event.target.closest("a")) location.hash = href; });

  function update(view) {
    const now_s = clock.now();
    const why = lostWhy(view);
    setAttr(el, "data-heard", view.heard ? "yes" : "no");
    setText(cells.satellite, view.satellite ?? "—");
    cells.mode.show(modeWords(view.mode), view.mode ?? "—");
    setText(cells.reason, modeReason(view.mode_reason));
    showLight(cells, view, forecasts.of(view.node, now_s), now_s);
    cells.battery.show(view, context.floor_frac(view));
    setQuantity(cells.energy, energy(view.battery_wh), why);
    setQuantity(cells.solar, power(view.solar_w), why);
    setQuantity(cells.load, power(view.load_w), why);
    const net = balance(view);
    cells.net.show(net, net.net_w === null ? "—" : `${power(Math.abs(net.net_w)).n} kW ${net.word}`);
    setQuantity(cells.compute, power(view.compute_w), why);
    setQuantity(cells.cap, power(view.compute_cap_w), why);
    cells.use.show(view.compute_cap_w > 0 ? view.compute_w / view.compute_cap_w : view.compute_cap_w === 0 ? 0 : null, "compute");
    setQuantity(cells.temperature, temperature(view.module_temp_c), why);
    showJobs(cells, view);
    lasers.sync(view.lasers ?? [], (terminal) => terminal.terminal);
    showContact(cells, view, forecasts.of(view.node, now_s), store, now_s);
  }
  return { el, update };
}

function showLight(cells, view, forecast, now_s) {
  const next = nextLight(view, forecast, now_s);
  const light = lightWords(lightNow(view, forecast, now_s), next);
  cells.light.show(light.words, light.now);
  setText(cells.change, next === null ? "next change —" : next.in_s > 0 ? `${light.name} in ${duration(next.in_s)}` : `${light.name} due`);
}

function showJobs(cells, view) {
  const [first, ...others] = view.jobs_running ?? [];
  setText(cells.job, first ? (others.length ? `${first} +${others.length}` : first) : "No job running");
  setAttr(cells.job, "data-none", first ? null : "yes");
  setShown(cells.progress.el, Boolean(first));
  setShown(cells.share, Boolean(first));
  cells.progress.show(view.job_progress_frac, "good");
  setQuantity(cells.share, percent(view.job_progress_frac, 0), "The job has not said how far it is.");
  const waits = view.jobs_queued > 0 ? `${view.jobs_queued} waiting` : "queue empty";
  setText(cells.queue, view.hold_reason ? `${waits} · ${inWords(view.hold_reason).toLowerCase()}` : waits);
  setAttr(cells.queue, "title", view.hold_advice || null);
}

function showContact(cells, view, forecast, store, now_s) {
  const contact = nextContact(view, forecast, now_s);
  if (contact?.now) {
    cells.contact.show({ word: "In contact", glyph: "contact", tone: "pass" });
    setText(cells.station, [contact.station, contact.in_s === null ? null : `for ${duration(contact.in_s)}`].filter(Boolean).join(" ") || " ");
  } else {
    cells.contact.show({ word: "No contact", glyph: "idle", tone: "calm" });
    setText(cells.station, contact ? `${contact.station ? `${contact.station} in` : "next in"} ${duration(contact.in_s)}` : "next pass —");
  }
  setText(cells.heard, view.heard_s_ago === null || view.heard_s_ago === undefined ? "never heard" : `heard ${ago(view.heard_s_ago + Math.max(0, now_s - store.at_s))}`);
}

/** The line of counts over the table. */
function summary() {
  const parts = ["nodes", "sun", "heard", "running", "waiting", "power"];
  const values = Object.fromEntries(parts.map((part) => [part, quantity(".strong")]));
  const tile = (part, text) => h("div.tile", {}, values[part], h("span.label", { text }));
  const el = h("div.tiles", {}, tile("nodes", "nodes"), tile("heard", "heard"), tile("sun", "in sunlight"),
    tile("running", "jobs running"), tile("waiting", "jobs waiting"), tile("power", "compute in use"), legend());
  return {
    el,
    update(nodes) {
      const sum = (pick) => nodes.reduce((total, node) => total + (pick(node) ?? 0), 0);
      const whole = (n, of) => ({ n: of === undefined ? String(n) : `${n}`, u: of === undefined ? "" : `of ${of}` });
      setQuantity(values.nodes, whole(nodes.length));
      setQuantity(values.heard, whole(nodes.filter((node) => node.heard).length, nodes.length));
      setQuantity(values.sun, whole(nodes.filter((node) => node.sunlit_frac > 0.5).length, nodes.length));
      setQuantity(values.running, whole(sum((node) => node.jobs_running?.length)));
      setQuantity(values.waiting, whole(sum((node) => node.jobs_queued)));
      setQuantity(values.power, power(sum((node) => node.compute_w)));
    },
  };
}

/** Show the fleet screen in `root`. */
export function fleetView(context, root) {
  const { store, clock } = context;
  const canvas = h("canvas.map", { role: "img", "aria-label": "World map: night side, ground stations, satellites and laser links. The table holds the same." });
  const counts = summary();
  const rows = h("tbody");
  const newest = h("div.event-list.compact");
  const quiet = h("p.empty", { text: "No event has been reported yet." });
  const none = h("p.empty", { text: "No node is known yet. Nodes appear here when the ground service first hears of them." });
  root.append(h("div.fleet", {},
    h("section.fleet-top", {}, h("div.map-frame.panel", {}, canvas),
      h("section.panel.newest", { "aria-label": "Newest events" }, h("div.panel-head", {}, h("h2", { text: "Newest events" }), h("a.more", { href: "#/events", text: "All events" })), newest, quiet)),
    counts.el,
    h("section.panel.table-panel", { tabindex: "0", "aria-label": "Fleet table" },
      h("table.fleet-table", {}, h("thead", {}, h("tr", {}, ...COLUMNS.map((text) => h("th", { scope: "col", text })))), rows), none)));
  const list = new KeyedList(rows, (view) => nodeRow(context, view));
  const events = new KeyedList(newest, (event) => eventRow(context, event, true));
  const map = new FleetMap(canvas, (node) => { location.hash = `#/node/${encodeURIComponent(node)}`; });
  let painted_ms = -Infinity;
  return {
    paint(now_s) {
      if (performance.now() - painted_ms < PAINT_MS) return;
      painted_ms = performance.now();
      const nodes = store.nodeList();
      setShown(none, nodes.length === 0);
      setShown(quiet, store.events.length === 0);
      setShown(newest, store.events.length > 0);
      counts.update(nodes);
      list.sync(nodes, (node) => node.node);
      events.sync(store.events.slice(-NEWEST_EVENTS).reverse(), (event) => event.id);
      if (clock.known) map.draw(clock.utc(now_s), { nodes, stations: store.stations, trails: store.trails });
    },
    destroy: () => map.destroy(),
  };
}

function legend() {
  const item = (tone, text) => h(`span.legend-item.is-${tone}`, {}, h("i.swatch"), h("span", { text }));
  return h("div.map-legend", {}, item("sun", "dawn line"), item("laser", "laser link"), item("pass", "ground station"));
}
