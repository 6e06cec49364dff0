// The numbers of one node, now.

import { balance, laser, lostWhy, signed } from "../cells.js";
import { h, KeyedList, setText } from "../dom.js";
import { count, degrees, energy, milliseconds, percent, power, quantity, setQuantity, temperature } from "../format.js";
import { inWords } from "../words.js";

/** The panel of numbers beside the strip. */
export function readouts(context) {
  const grid = h("dl.readouts");
  const cells = {};
  for (const [key, text] of [
    ["soc", "Battery"], ["stored", "Stored"], ["solar", "Solar"], ["load", "Load"], ["compute", "Compute"], ["cap", "Compute cap"],
    ["heat", "Module"], ["clock", "Clock error"], ["latitude", "Latitude"], ["longitude", "Longitude"], ["boots", "Boots"], ["outbox", "Outbox rows"],
  ]) {
    cells[key] = quantity();
    grid.append(h("div.readout", {}, h("dt", { text }), h("dd", {}, cells[key])));
  }
  const net = signed(".sub");
  const sandbox = h("span.soft");
  const handoffs = h("span.soft");
  const lasers = h("div.lasers");
  const terminals = new KeyedList(lasers, laser);
  const jobs = h("div.now-jobs");
  const advice = h("p.advice");
  const el = h("section.panel", { "aria-label": "Numbers now" },
    h("div.panel-head", {}, h("h2", { text: "Now" }), net.el), grid,
    h("div.split", {}, h("div", {}, h("h3", { text: "Lasers" }), lasers, handoffs), h("div", {}, h("h3", { text: "Jobs" }), jobs, advice, sandbox)));
  return {
    el,
    paint(view) {
      const why = lostWhy(view);
      setQuantity(cells.soc, percent(view.soc_frac), why);
      setQuantity(cells.stored, energy(view.battery_wh), why);
      setQuantity(cells.solar, power(view.solar_w, 2), why);
      setQuantity(cells.load, power(view.load_w, 2), why);
      setQuantity(cells.compute, power(view.compute_w, 2), why);
      setQuantity(cells.cap, power(view.compute_cap_w, 2), why);
      setQuantity(cells.heat, temperature(view.module_temp_c), why);
      setQuantity(cells.clock, milliseconds(view.clock_error_s), why);
      setQuantity(cells.latitude, degrees(view.latitude_deg, "N", "S"), why);
      setQuantity(cells.longitude, degrees(view.longitude_deg, "E", "W"), why);
      setQuantity(cells.boots, count(view.boot_count), why);
      setQuantity(cells.outbox, count(view.outbox_rows), why);
      const stand = balance(view);
      net.show(stand, stand.net_w === null ? "—" : `${power(Math.abs(stand.net_w)).n} kW ${stand.word}`);
      terminals.sync(view.lasers ?? [], (terminal) => terminal.terminal);
      setText(handoffs, `${view.handoffs ?? "—"} handoffs`);
      const running = view.jobs_running ?? [];
      setText(jobs, running.length ? running.join(", ") : "none running");
      const waits = `${view.jobs_queued ?? "—"} waiting`;
      setText(advice, view.hold_reason ? `${waits}: ${inWords(view.hold_reason).toLowerCase()}. ${view.hold_advice ?? ""}` : waits);
      setText(sandbox, `sandbox ${view.sandbox || "—"}`);
    },
  };
}
