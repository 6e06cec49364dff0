// The telecommands of one node, each with the stages that it has passed.

import { h, KeyedList, setAttr, setText } from "../dom.js";
import { glyph, setGlyph } from "../glyph.js";
import { ago, NONE } from "../format.js";
import { inWords } from "../words.js";

const SHOWN_MOST = 12;
const TRACK = ["ISSUED", "RECEIVED", "ACCEPTED", "STARTED", "COMPLETED"];
const SHORT = { ISSUED: "sent", RECEIVED: "received", ACCEPTED: "accepted", STARTED: "started", COMPLETED: "completed" };

/** Return the arguments of a command as one text. */
export function argumentsText(command) {
  if (typeof command === "string") return "";
  const rest = Object.entries(command ?? {}).filter(([key]) => key !== "name");
  return rest.map(([key, value]) => `${key} ${typeof value === "object" && value !== null ? value.job_id ?? "…" : value ?? "none"}`).join(", ");
}

const nameOf = (command) => (typeof command === "string" ? command : command?.name ?? NONE);

function step(name) {
  const sign = glyph("idle");
  const time = h("span.step-time");
  const word = h("span.step-name");
  const el = h("li.step", {}, sign, word, time);
  return {
    el,
    show(state, text) {
      setAttr(el, "data-state", state);
      setGlyph(sign, { done: "check", failed: "cross", open: "idle", active: "acquire" }[state]);
      setText(word, state === "failed" ? "failed" : SHORT[name]);
      setText(time, text);
    },
  };
}

function tcRow({ clock }, tc) {
  const steps = TRACK.map((name) => [name, step(name)]);
  const detail = h("p.tc-detail");
  const age = h("span.soft");
  const el = h("li.tc", { "data-tc": tc.request_id }, h("div.tc-head", {}, h("b", { text: nameOf(tc.command) }),
    h("span.soft.tc-arguments", { text: argumentsText(tc.command) }), h("span.spring"), age),
    h("ol.track", {}, ...steps.map(([, one]) => one.el)), detail);
  return {
    el,
    update(view) {
      const passed = new Map([["ISSUED", { at_s: view.issued_s }], ...(view.stages ?? []).map((stage) => [stage.stage, stage])]);
      const expired = view.stage === "EXPIRED";
      const failed = expired || view.stage === "FAILED" || passed.has("FAILED");
      const last = Math.max(...TRACK.map((name, i) => (passed.has(name) ? i : 0)));
      steps.forEach(([name, one], i) => {
        const stage = passed.get(name);
        const state = stage ? "done" : i < last ? "done" : i === last + 1 ? (failed ? "failed" : "active") : "open";
        const at_s = state === "failed" ? passed.get("FAILED")?.at_s : stage?.at_s;
        one.show(state, typeof at_s === "number" ? clock.hms(at_s) : "");
      });
      setAttr(el, "data-stage", failed ? "FAILED" : view.stage);
      setText(age, `${view.user ?? ""} ${ago(clock.now() - view.issued_s)}`);
      const progress = (view.stages ?? []).filter((stage) => stage.stage === "PROGRESS").at(-1);
      const said = [view.reason ? inWords(view.reason) : "", view.detail ?? "", !failed && progress ? `step ${progress.step}` : ""].filter(Boolean).join(": ");
      const known = TRACK.includes(view.stage) || failed || view.stage === "PROGRESS";
      setText(detail, failed ? `${expired ? "Expired" : "Failed"}. ${said || "The node has not said that it took it."}` : known ? said : `${inWords(view.stage)}${said ? `: ${said}` : ""}`);
    },
  };
}

/** The panel of telecommands of a node. */
export function telecommandList(context, node) {
  const list = h("ol.tcs");
  const rows = new KeyedList(list, (tc) => tcRow(context, tc));
  const empty = h("p.empty", { text: "No telecommand has been sent to this node." });
  const el = h("section.panel", { "aria-label": "Telecommands" }, h("div.panel-head", {}, h("h2", { text: "Telecommands" })), list, empty);
  return {
    el,
    paint() {
      const tcs = context.store.tcsOf(node).slice(0, SHOWN_MOST);
      empty.hidden = tcs.length > 0;
      rows.sync(tcs, (tc) => tc.request_id);
    },
  };
}
