// The drawer of one job: its facts, its attempts in time, its log, its result.

import { bar, signed } from "../cells.js";
import { h, KeyedList, setShown, setText } from "../dom.js";
import { glyph } from "../glyph.js";
import { bytes, duration, energy, flat, percent, quantity, setQuantity } from "../format.js";
import { inWords, jobColumn, jobState } from "../words.js";

const RENEW_MS = 4000;
const LOG_RENEW_MS = 20000; // after an answer that there is no log
const LOG_LINES_MOST = 200;
const ARMED_S = 10;

/** Return the steps of a job's life, whichever way the service names them, oldest first. */
function stepsOf(answer) {
  const steps = answer.reports ?? answer.timeline ?? answer.history ?? answer.attempts ?? [];
  return steps.map((step) => ({ ...step, at_s: step.at_s ?? step.start_s })).sort((a, b) => a.at_s - b.at_s);
}

function stepRow({ clock }, step) {
  const words = jobState(step.state);
  const told = [step.reason ? inWords(step.reason) : "", step.detail ?? "", step.checkpoint ? `checkpoint ${step.checkpoint}` : ""].filter(Boolean).join(" · ");
  const el = h("li.life", { "data-tone": words.tone }, glyph(words.glyph), h("time", { text: clock.hms(step.at_s) }), h("span.life-attempt", { text: step.attempt ? `#${step.attempt}` : "" }),
    h("b", { text: words.word }), h("span.soft", { text: told }));
  return { el, update() {} };
}

/** The download of a result, or its cancelling twin: a button that says how it went. */
function resultButton(context, job_id, said) {
  return h("button.button", { type: "button", text: "Download result", onclick: async () => {
    try {
      const blob = await context.api.jobResult(job_id);
      const url = URL.createObjectURL(blob);
      const link = h("a", { href: url, download: `${job_id}.tar` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
      setText(said, `Downloaded, ${flat(bytes(blob.size))}.`);
    } catch (error) {
      setText(said, `No result: ${error.message}`);
    }
  } });
}

function cancelButton(context, job_id, said) {
  const button = h("button.button.danger", { type: "button", text: "Cancel job" });
  let armed_ms = -Infinity;
  button.addEventListener("click", async () => {
    if (performance.now() - armed_ms > ARMED_S * 1000) {
      armed_ms = performance.now();
      setText(button, "Cancel now: no result is kept");
      button.dataset.armed = "yes";
      setTimeout(() => { setText(button, "Cancel job"); button.dataset.armed = "no"; }, ARMED_S * 1000);
      return;
    }
    armed_ms = -Infinity;
    try {
      await context.api.cancelJob(job_id);
      setText(said, "Cancelling: the node ends it when the telecommand arrives.");
    } catch (error) {
      setText(said, `Not cancelled: ${error.message}`);
    }
  });
  return button;
}

/** Return the drawer of a job. */
export function jobDrawer(context, job_id) {
  const abort = new AbortController();
  const state = signed(".chip");
  const progress = bar("Progress");
  const share = quantity(".strong");
  const hold = h("p.hold-reason");
  const advice = h("p.advice");
  const facts = h("dl.facts");
  const values = {};
  for (const text of ["Node", "Tenant", "Class", "Priority", "Attempt", "Energy", "Submitted", "Result", "SHA-256"]) {
    values[text] = h("dd", { text: "—" });
    facts.append(h("div", {}, h("dt", { text }), values[text]));
  }
  const lives = h("ol.lives");
  const rows = new KeyedList(lives, (step) => stepRow(context, step));
  const log = h("pre.log", { tabindex: "0", "aria-label": "Log" });
  const said = h("p.said", { role: "status" });
  const download = resultButton(context, job_id, said);
  const cancel = cancelButton(context, job_id, said);
  const lost = h("p.empty", { hidden: true });
  const el = h("aside.drawer.panel", { "aria-label": `Job ${job_id}` },
    h("div.panel-head", {}, h("h2", { text: job_id }), state.el, h("span.spring"), h("a.button.small", { href: "#/jobs", text: "Close", title: "Close  Esc" })),
    lost, h("div.card-progress", {}, progress.el, share), hold, advice, facts, h("div.actions", {}, download, cancel), said,
    h("h3", { text: "Life" }), lives, h("h3", { text: "Log, last lines" }), log);
  let asked_ms = -Infinity;
  let log_after_ms = -Infinity;
  let busy = false;

  async function renew() {
    busy = true;
    asked_ms = performance.now();
    const wantsLog = asked_ms > log_after_ms;
    const asked = [context.api.job(job_id, abort.signal), wantsLog ? context.api.jobLog(job_id, abort.signal) : null];
    const [answer, text] = await Promise.allSettled(asked);
    busy = false;
    if (abort.signal.aborted) return;
    if (answer.status === "fulfilled") {
      const job = answer.value.job ?? answer.value;
      context.store.jobs.set(job_id, { ...context.store.jobs.get(job_id), ...job });
      rows.sync(stepsOf(answer.value), (step) => `${step.at_s}/${step.state}/${step.attempt}/${step.checkpoint ?? ""}`);
    }
    setShown(lost, answer.status === "rejected");
    setText(lost, answer.status === "rejected" ? `Job ${job_id}: ${answer.reason.message}` : "");
    if (text.status === "rejected") log_after_ms = performance.now() + LOG_RENEW_MS;
    if (!wantsLog) return;
    const atEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 20;
    setText(log, text.status === "fulfilled" ? text.value.split("\n").slice(-LOG_LINES_MOST).join("\n").trim() || "The log is empty so far." : `No log: ${text.reason.message}`);
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function show(job) {
    const where = jobColumn(job.state);
    state.show(jobState(job.state));
    setShown(progress.el.parentNode, where !== "ended" || job.progress_frac !== null);
    progress.show(job.progress_frac, where === "running" ? "good" : "calm");
    setQuantity(share, percent(job.progress_frac, 0), "The job has not said how far it is.");
    setText(hold, where === "waiting" && job.hold_reason ? inWords(job.hold_reason) : where === "ended" && job.reason ? inWords(job.reason) : "");
    setText(advice, where === "waiting" ? job.hold_advice ?? "" : job.detail ?? "");
    setShown(hold, hold.dlText !== "");
    setShown(advice, advice.dlText !== "");
    const { clock } = context;
    const write = { Node: job.node ?? "not placed", Tenant: job.tenant, Class: job.job_class, Priority: String(job.priority ?? "—"), Attempt: String(job.attempt ?? "—"),
      Submitted: `${clock.day(job.submitted_s)} ${clock.hms(job.submitted_s)}${where === "waiting" ? `, ${duration(clock.now() - job.submitted_s)} ago` : ""}`,
      Energy: flat(energy(job.energy_wh)), Result: [inWords(job.result_state), job.result_bytes ? flat(bytes(job.result_bytes)) : ""].filter(Boolean).join(", "),
      "SHA-256": job.result_sha256 ?? "—" };
    for (const [text, value] of Object.entries(write)) setText(values[text], value ?? "—");
    setShown(download, Boolean(job.result_sha256) || job.state === "SUCCEEDED");
    setShown(cancel, where !== "ended");
  }

  return {
    el,
    paint() {
      const job = context.store.jobs.get(job_id);
      if (job) show(job);
      if (!busy && performance.now() - asked_ms > RENEW_MS) renew();
    },
    destroy: () => abort.abort(),
  };
}
