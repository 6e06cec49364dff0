// A node's past for the strip: what the archive answered, and a live tail until the next answer.
// The tail only bridges the time between two answers; it never counts as history.

export const COLUMNS = ["soc_frac", "solar_w", "load_w", "compute_w", "temp_c", "sunlit_frac"];
const POINTS = 600;
const RENEW_MS = 5000; // wall time between two requests
const TAIL_MOST = 1200;
const GAP_LEAST_S = 240; // mission time: a longer silence is drawn as a gap

/** Keeps one node's past for the window that is on screen. */
export class History {
  constructor(api, node) {
    this.api = api;
    this.node = node;
    this.abort = new AbortController();
    this.answer = null;
    this.tail = [];
    this.asked = null;
    this.asked_ms = -Infinity;
    this.busy = false;
    this.version = 0;
    this.problem = "";
    this.series_version = -1;
    this.view = null;
  }

  destroy() {
    this.abort.abort();
  }

  /** Ask again when the window left what was answered, or the answer is old. */
  keep(start_s, end_s) {
    const waited_ms = performance.now() - this.asked_ms;
    const moved = this.asked === null || start_s < this.asked.start_s || Math.abs(end_s - start_s - this.asked.span_s) > 1;
    if (this.busy || waited_ms < (moved ? 250 : RENEW_MS)) return;
    this.fetch(start_s, end_s, end_s - start_s);
  }

  async fetch(start_s, end_s, span_s) {
    this.busy = true;
    this.asked_ms = performance.now();
    const from_s = start_s - span_s * 0.04;
    try {
      this.answer = readAnswer(await this.api.history(this.node, from_s, end_s, POINTS, this.abort.signal), end_s);
      this.asked = { start_s: from_s, span_s };
      const last_s = this.answer.t_s.at(-1) ?? -Infinity;
      this.tail = this.tail.filter((sample) => sample.t_s > last_s);
      this.problem = "";
    } catch (error) {
      if (!this.abort.signal.aborted) this.problem = error.message;
    }
    this.busy = false;
    this.version += 1;
  }

  /** Take the newest view of the node into the tail, at the time it was heard. */
  live(view, now_s) {
    const at_s = view.hk_s ?? now_s - (view.heard_s_ago ?? 0);
    this.view = view;
    const last_s = this.tail.at(-1)?.t_s ?? this.answer?.t_s.at(-1) ?? -Infinity;
    if (!view.heard || !(at_s > last_s + 1)) return;
    this.tail.push({ ...view, t_s: at_s, temp_c: view.module_temp_c });
    if (this.tail.length > TAIL_MOST) this.tail.shift();
    this.version += 1;
  }

  /** Return `{t_s, soc_frac, solar_w, ...}` with nulls in the gaps. */
  series() {
    if (this.series_version === this.version) return this.kept;
    const out = { t_s: [] };
    for (const name of COLUMNS) out[name] = [];
    const times = this.answer?.t_s ?? [];
    const bucket_s = times.length > 1 ? (times.at(-1) - times[0]) / (times.length - 1) : 0;
    const gap_s = Math.max(GAP_LEAST_S, 3 * bucket_s);
    let last_s = null;
    const push = (at_s, pick) => {
      if (last_s !== null && at_s - last_s > gap_s) {
        out.t_s.push(last_s + 1);
        for (const name of COLUMNS) out[name].push(null);
      }
      out.t_s.push(at_s);
      for (const name of COLUMNS) out[name].push(pick(name) ?? null);
      last_s = at_s;
    };
    times.forEach((at_s, i) => push(at_s, (name) => this.answer[name]?.[i]));
    for (const sample of this.tail) push(sample.t_s, (name) => sample[name]);
    this.kept = out;
    this.series_version = this.version;
    return out;
  }

  /** Return the spans of a kind; those that were open at the answer's end and still hold reach to the newest sample. */
  spans(kind) {
    const spans = this.answer?.[kind] ?? [];
    const heard_s = this.tail.at(-1)?.t_s;
    if (heard_s === undefined) return spans;
    const grown = spans.map((span) => (span.end_s >= this.answer.end_s - 1 && holdsStill(kind, span, this.view) ? { ...span, end_s: heard_s } : span));
    if (kind !== "modes" || grown.at(-1)?.mode === this.view.mode) return grown;
    const since_s = this.tail.find((sample) => sample.mode === this.view.mode)?.t_s ?? heard_s;
    return [...grown, { mode: this.view.mode, reason: this.view.mode_reason, start_s: since_s, end_s: heard_s }];
  }
}

function readAnswer(answer, end_s) {
  const columns = answer.columns ?? answer;
  const kept = columns.t_s.map((_, i) => i).filter((i) => columns.t_s[i] !== null);
  const read = { modes: answer.modes, jobs: answer.jobs, links: answer.links, end_s, t_s: kept.map((i) => columns.t_s[i]) };
  for (const name of COLUMNS) read[name] = kept.map((i) => columns[name][i]);
  return read;
}

function holdsStill(kind, span, view) {
  if (kind === "modes") return view.mode === span.mode;
  if (kind === "jobs") return (view.jobs_running ?? []).includes(span.job_id);
  return (view.lasers ?? []).some((laser) => laser.peer === span.peer && laser.state === "TRACK");
}

/** Return the index of the last sample at or before `at_s`, or -1. */
export function indexAt(times_s, at_s) {
  let [low, high] = [0, times_s.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times_s[middle] <= at_s) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Return the spans of a series: light ("sun" or "eclipse") where samples are, "none" where they lack. */
export function lightSpans(times_s, sunlit, until_s) {
  const spans = [];
  for (let i = 0; i < times_s.length; i += 1) {
    const kind = sunlit[i] === null ? "none" : sunlit[i] < 0.5 ? "eclipse" : "sun";
    const last = spans.at(-1);
    if (last?.kind === kind) continue;
    if (last) last.end_s = times_s[i];
    spans.push({ kind, start_s: times_s[i], end_s: null });
  }
  const last = spans.at(-1);
  if (last) last.end_s = Math.min(until_s, times_s.at(-1) + GAP_LEAST_S);
  return spans;
}

/** Return the spans of light as the forecast says them, from where `heard` ends to the end of the window. */
export function lightAhead(heard, eclipses, window, now_s) {
  const heard_end_s = heard.at(-1)?.end_s ?? window.start_s;
  const ahead = [];
  let at_s = heard_end_s;
  const goesOn = (kind) => at_s === heard_end_s && heard.at(-1)?.kind === kind;
  for (const { start_s, end_s } of eclipses) {
    if (end_s <= at_s) continue;
    if (start_s > at_s) ahead.push({ kind: "sun", start_s: at_s, end_s: start_s, forecast: true, goes_on: goesOn("sun") });
    const goes_on = start_s <= at_s && goesOn("eclipse");
    ahead.push({ kind: "eclipse", start_s: Math.max(at_s, start_s), end_s, forecast: true, goes_on });
    at_s = end_s;
  }
  if (at_s < window.end_s) ahead.push({ kind: "none", start_s: Math.max(at_s, now_s), end_s: window.end_s, forecast: true });
  return ahead;
}
