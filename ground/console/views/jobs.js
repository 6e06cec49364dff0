// The job board: what waits and why, what runs and how far, what has ended and how.

import { bar, signed } from "../cells.js";
import { h, KeyedList, setAttr, setShown, setText } from "../dom.js";
import { ago, energy, percent, quantity, setQuantity } from "../format.js";
import { inWords, jobColumn, jobState } from "../words.js";
import { jobDrawer } from "./job_drawer.js";

const COLUMNS = [
  ["waiting", "Waiting", "Nothing waits."],
  ["running", "Running", "Nothing runs."],
  ["ended", "Ended", "Nothing has ended yet."],
];
const SHOWN_MOST = 80;

/** One job as a card. */
function jobCard(context, first) {
  const state = signed(".job-state");
  const progress = bar("Progress");
  const share = quantity(".strong");
  const place = h("span.soft");
  const reason = h("p.hold-reason");
  const advice = h("p.advice");
  const foot = h("span.soft");
  const used = quantity(".soft");
  const el = h("a.card", { href: `#/jobs/${encodeURIComponent(first.job_id)}`, "data-job": first.job_id },
    h("div.card-head", {}, h("b.job-id", { text: first.job_id }), h("span.job-class", { text: first.job_class ?? "" }), h("span.spring"), state.el),
    h("div.card-progress", {}, progress.el, share),
    reason, advice,
    h("div.card-foot", {}, place, h("span.spring"), foot, used));
  return {
    el,
    update(job) {
      const column = jobColumn(job.state);
      state.show(jobState(job.state));
      setShown(progress.el.parentNode, column === "running" || (column === "waiting" && job.progress_frac > 0));
      progress.show(job.progress_frac, column === "running" ? "good" : "calm");
      setQuantity(share, percent(job.progress_frac, 0), "The job has not said how far it is.");
      const holds = column === "waiting" && Boolean(job.hold_reason);
      const position = column === "waiting" && job.queue_position ? `No. ${job.queue_position}` : "";
      setText(reason, holds ? [position, inWords(job.hold_reason)].filter(Boolean).join(" · ") : column === "ended" && job.reason && job.reason !== "DONE" ? inWords(job.reason) : position);
      setText(advice, holds ? job.hold_advice ?? "" : column === "ended" && job.state === "FAILED" ? job.detail ?? "" : "");
      setShown(reason, reason.dlText !== "");
      setShown(advice, advice.dlText !== "");
      setText(place, [job.node ?? "not placed", job.tenant, job.attempt > 1 ? `attempt ${job.attempt}` : ""].filter(Boolean).join(" · "));
      const now_s = context.clock.now();
      setText(foot, column === "waiting" ? `submitted ${ago(Math.max(0, now_s - job.submitted_s))}` : column === "ended" ? ago(Math.max(0, now_s - job.updated_s)) : "");
      setShown(used, job.energy_wh > 0);
      setQuantity(used, energy(job.energy_wh, 0));
      setAttr(el, "aria-current", context.chosen_job === job.job_id ? "true" : null);
    },
  };
}

function column(context, [id, title, nothing]) {
  const count = h("span.count");
  const list = h("div.cards");
  const empty = h("p.empty", { text: nothing });
  const more = h("p.soft.more-jobs");
  const rows = new KeyedList(list, (job) => jobCard(context, job));
  const el = h("section.column", { "data-column": id, "aria-label": title }, h("div.column-head", {}, h("h2", { text: title }), count), list, more, empty);
  return {
    el,
    show(jobs) {
      setText(count, String(jobs.length));
      setShown(empty, jobs.length === 0);
      setShown(more, jobs.length > SHOWN_MOST);
      setText(more, `and ${jobs.length - SHOWN_MOST} more: narrow the filter to see them`);
      rows.sync(jobs.slice(0, SHOWN_MOST), (job) => job.job_id);
    },
  };
}

const ORDERS = {
  waiting: (a, b) => String(a.node).localeCompare(String(b.node)) || (a.queue_position ?? 1e9) - (b.queue_position ?? 1e9) || a.submitted_s - b.submitted_s,
  running: (a, b) => String(a.node).localeCompare(String(b.node)) || a.job_id.localeCompare(b.job_id),
  ended: (a, b) => (b.updated_s ?? 0) - (a.updated_s ?? 0),
};

/** Show the job board in `root`, with the drawer of `job_id` open when one is given. */
export function jobsView(context, root, job_id) {
  const { store } = context;
  const filter = { text: "", node: "", job_class: "" };
  const select = (key, label, values) => h("select", { "aria-label": label, onchange: (event) => { filter[key] = event.target.value; } },
    h("option", { value: "", text: label }), ...values.map((value) => h("option", { value, text: value })));
  const nodes = select("node", "All nodes", store.nodeList().map((node) => node.node));
  const classes = select("job_class", "All classes", ["HOT", "STANDARD", "BULK"]);
  const search = h("input", { type: "search", placeholder: "Filter id, tenant, reason  /", "aria-label": "Filter jobs by text", "data-search": true,
    oninput: () => { filter.text = search.value.trim().toLowerCase(); } });
  const columns = Object.fromEntries(COLUMNS.map((spec) => [spec[0], column(context, spec)]));
  const board = h("div.board", {}, ...Object.values(columns).map((one) => one.el));
  const area = h("div.board-area", {}, board);
  root.append(h("section.screen", {}, h("div.toolbar", {}, h("h1", { text: "Jobs" }), nodes, classes, search), area));
  context.chosen_job = job_id || null;
  const drawer = job_id ? jobDrawer(context, job_id) : null;
  if (drawer) area.append(drawer.el);

  const fits = (job) => (!filter.node || job.node === filter.node) && (!filter.job_class || job.job_class === filter.job_class) &&
    (!filter.text || `${job.job_id} ${job.tenant} ${job.state} ${job.reason ?? ""} ${job.hold_reason ?? ""} ${job.node}`.toLowerCase().includes(filter.text));

  return {
    keys: { Escape: () => { if (job_id) location.hash = "#/jobs"; } },
    paint(now_s) {
      if (nodes.options.length !== store.nodes.size + 1) {
        nodes.replaceChildren(nodes.options[0], ...store.nodeList().map((node) => h("option", { value: node.node, text: node.node })));
      }
      const sorted = { waiting: [], running: [], ended: [] };
      for (const job of store.jobs.values()) if (fits(job)) sorted[jobColumn(job.state)].push(job);
      for (const [id, jobs] of Object.entries(sorted)) columns[id].show(jobs.sort(ORDERS[id]));
      drawer?.paint(now_s);
    },
    destroy() {
      drawer?.destroy();
      context.chosen_job = null;
    },
  };
}
