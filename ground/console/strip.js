// The power-and-orbit strip: bands and plots stacked on one axis of mission time, with one crosshair.

import { drawBar, hatch, lanes, within } from "./bands.js";
import { h, setShown, setStyle, setText } from "./dom.js";
import { flat, percent, power, temperature } from "./format.js";
import { indexAt, lightAhead, lightSpans } from "./history.js";
import { AXIS_PX, Plot } from "./plots.js";
import { fitCanvas, font, onTheme, theme } from "./theme.js";
import { axisTicks } from "./time.js";
import { inWords, jobState, mode as modeWords, modeReason } from "./words.js";

const PAST_FRAC = 0.7; // of the window lies before now
const LANE_PX = 18;
const GAP_PX = 7;
const PEERS_MOST = 4;
const JOB_LANES_MOST = 3;
const PASS_LANES_MOST = 2;
const STRETCH = { power: [0.5, 320], battery: [0.3, 210], heat: [0.2, 130] }; // share of spare height, most px

/** Draws one node's past and forecast. */
export class Strip {
  constructor(root, { clock, history, floor_frac }) {
    this.clock = clock;
    this.history = history;
    this.floor_frac = floor_frac;
    this.span_s = 5700;
    this.offset_s = 0;
    this.hover = null;
    this.drawn = "";
    this.forecast = null;
    this.build(root);
    this.unfollow = onTheme(() => { this.drawn = ""; this.plots.forEach((track) => track.plot.repaint()); });
    this.sized = new ResizeObserver(() => { this.drawn = ""; });
    this.sized.observe(this.stage);
  }

  build(root) {
    this.gutter = h("div.strip-gutter");
    this.canvas = h("canvas.strip-canvas", { role: "img", "aria-label": "Power and orbit over time" });
    this.cross = h("div.strip-cross", { hidden: true });
    this.crossLabel = h("div.strip-cross-label", { hidden: true });
    this.nowLine = h("div.strip-now");
    this.nowLabel = h("div.strip-now-label", { text: "now" });
    this.stage = h("div.strip-stage", {}, this.canvas);
    this.root = h("div.strip", {}, this.gutter, this.stage);
    root.append(this.root);
    this.tracks = this.makeTracks();
    this.plots = this.tracks.filter((track) => track.plot);
    this.stage.append(this.nowLine, this.nowLabel, this.cross, this.crossLabel);
    this.stage.addEventListener("pointerdown", (event) => this.grab(event));
    this.stage.addEventListener("pointermove", (event) => this.point(event));
    this.stage.addEventListener("pointerleave", () => { this.hover = null; this.drawn = ""; });
  }

  makeTracks() {
    const kW = (value) => String(Math.round(value / 100) / 10);
    const powerTop = (high) => Math.max(1000, Math.ceil(((high ?? 1000) * 1.06) / 5000) * 5000);
    const specs = [
      { id: "light", label: "Light", height: 22, draw: this.drawLight },
      { id: "mode", label: "Mode", height: 22, draw: this.drawModes },
      { id: "power", label: "Power", height: 176, lines: [["Solar", "sun", "solar_w"], ["Load", "load", "load_w"], ["Compute", "compute", "compute_w"]],
        write: power, plot: { series: [{ key: "solar_w", color: "sun", fill: 0.1 }, { key: "load_w", color: "load", width: 1.8 },
          { key: "compute_w", color: "compute", fill: 0.22 }], range: (_low, high) => [0, powerTop(high)], tick: kW }, unit: "kW" },
      { id: "battery", label: "Battery", height: 118, lines: [["Charge", "battery", "soc_frac"], ["Floor", "bad", null]], write: percent, unit: "%",
        plot: { series: [{ key: "soc_frac", color: "battery", fill: 0.12, width: 1.8 }], floor: this.floor_frac,
          range: (low) => this.batteryRange(low), tick: (value) => String(Math.round(value * 100)) } },
      { id: "heat", label: "Temperature", height: 74, lines: [["Module", "warn", "temp_c"]], write: temperature, unit: "°C",
        plot: { series: [{ key: "temp_c", color: "warn" }], range: heatRange, tick: (value) => String(Math.round(value)) } },
      { id: "jobs", label: "Jobs", height: LANE_PX, draw: this.drawJobs },
      { id: "links", label: "Lasers", height: LANE_PX, draw: this.drawLinks },
      { id: "passes", label: "Passes", height: LANE_PX, draw: this.drawPasses },
      { id: "axis", label: "UTC", height: 20, draw: this.drawAxis },
    ];
    return specs.map((spec) => this.makeTrack(spec));
  }

  makeTrack(spec) {
    const track = { ...spec, values: {} };
    track.head = h("div.track-head", {}, h("div.track-label", {}, h("span", { text: spec.label }), h("span.track-unit", { text: spec.unit ?? "" })));
    track.note = h("div.track-note");
    track.head.append(track.note);
    for (const [name, color, key] of spec.lines ?? []) {
      const value = h("span.track-value", { text: "—" });
      track.head.append(h(`div.track-line.is-${color}`, {}, h("i.swatch"), h("span", { text: name }), value));
      track.values[key ?? "floor"] = value;
    }
    this.gutter.append(track.head);
    if (spec.plot) {
      track.box = h("div.track-plot");
      this.stage.append(track.box);
      track.plot = new Plot(track.box, spec.plot);
    }
    return track;
  }

  batteryRange(low) {
    const least = Math.min(low ?? 0.5, this.floor_frac() ?? 0.5) - 0.04;
    return [Math.max(0, Math.floor(least * 10) / 10), 1.005];
  }

  destroy() {
    this.unfollow();
    this.sized.disconnect();
    this.plots.forEach((track) => track.plot.destroy());
  }

  /** Show another span of mission time. */
  setSpan(span_s) {
    this.span_s = span_s;
    this.offset_s = 0;
    this.drawn = "";
  }

  /** Move the window by a fraction of its span; 0 follows now again. */
  pan(frac) {
    this.offset_s = frac === 0 ? 0 : Math.min(0, this.offset_s + frac * this.span_s);
    this.drawn = "";
  }

  grab(event) {
    this.stage.setPointerCapture(event.pointerId);
    this.held = { x: event.clientX, offset_s: this.offset_s };
    this.stage.addEventListener("pointerup", () => { this.held = null; }, { once: true });
  }

  point(event) {
    const box = this.stage.getBoundingClientRect();
    this.hover = Math.max(0, event.clientX - box.left - AXIS_PX);
    if (this.held) {
      this.offset_s = Math.min(0, this.held.offset_s - ((event.clientX - this.held.x) / this.width) * this.span_s);
    }
    this.drawn = "";
  }

  /** Return the window that is shown at mission time `now_s`. */
  windowAt(now_s) {
    const start_s = now_s - this.span_s * PAST_FRAC + this.offset_s;
    return { start_s, end_s: start_s + this.span_s };
  }

  x(at_s) {
    return ((at_s - this.window.start_s) / this.span_s) * this.width;
  }

  /** Draw what has changed since the last call. */
  paint(now_s, forecast) {
    this.now_s = now_s;
    this.forecast = forecast;
    this.window = this.windowAt(now_s);
    this.history.keep(this.window.start_s, Math.min(now_s, this.window.end_s));
    const wide = this.stage.clientWidth;
    this.width = wide - AXIS_PX;
    if (this.width < 60) return;
    const moved_px = Math.round((this.window.start_s / this.span_s) * this.width * 2);
    const state = `${this.history.version}/${moved_px}/${wide}x${innerHeight}/${forecast?.fetched_s}`;
    if (state === this.drawn) return;
    this.drawn = state;
    this.series = this.history.series();
    this.layout(wide);
    this.draw(wide);
    this.readOut();
  }

  layout(wide) {
    const sizes = { jobs: Math.max(1, this.jobLanes().length) * LANE_PX, links: Math.max(1, this.peers().length) * LANE_PX, passes: Math.max(1, this.passLanes().length) * LANE_PX };
    const base = this.tracks.reduce((sum, track) => sum + (sizes[track.id] ?? track.height) + GAP_PX, -GAP_PX);
    const spare = Math.max(0, this.room() - base);
    for (const [id, [share, most]] of Object.entries(STRETCH)) {
      const { height } = this.tracks.find((track) => track.id === id);
      sizes[id] = Math.min(most, Math.floor(height + share * spare));
    }
    let y = 0;
    for (const track of this.tracks) {
      const height = sizes[track.id] ?? track.height;
      if (track.y !== y || track.shown_px !== height || track.wide !== wide) {
        Object.assign(track, { y, shown_px: height, wide });
        setStyle(track.head, "top", `${y}px`);
        setStyle(track.head, "height", `${height}px`);
        if (track.plot) {
          setStyle(track.box, "top", `${y}px`);
          track.plot.resize(wide, height);
        }
      }
      y += height + GAP_PX;
    }
    this.height = y - GAP_PX;
    setStyle(this.root, "height", `${this.height}px`);
  }

  /** Return the height that the screen has for the strip, px. */
  room() {
    const screen = this.root.closest("main");
    const top = this.root.getBoundingClientRect().top - screen.getBoundingClientRect().top + screen.scrollTop;
    return screen.clientHeight - top - 24;
  }

  draw(wide) {
    const context = fitCanvas(this.canvas, wide, this.height);
    context.clearRect(0, 0, wide, this.height);
    context.save();
    context.translate(AXIS_PX, 0);
    context.beginPath();
    context.rect(0, 0, this.width, this.height);
    context.clip();
    this.drawGround(context);
    for (const track of this.tracks) {
      if (track.draw) track.draw.call(this, context, track);
      else track.plot.show(this.series.t_s, track.plot.spec.series.map((series) => this.series[series.key]), this.window);
    }
    context.restore();
    const now_px = AXIS_PX + this.x(this.now_s);
    setShown(this.nowLine, this.x(this.now_s) <= this.width);
    setShown(this.nowLabel, this.x(this.now_s) <= this.width);
    setStyle(this.nowLine, "transform", `translateX(${now_px.toFixed(1)}px)`);
    setStyle(this.nowLabel, "transform", `translateX(${now_px.toFixed(1)}px)`);
  }

  /** Behind everything: wells of the tracks, night columns, hours, and the future. */
  drawGround(context) {
    for (const track of this.tracks.slice(0, -1)) {
      context.fillStyle = theme.well;
      context.fillRect(0, track.y, this.width, track.shown_px);
      context.fillStyle = theme.eclipse;
      context.globalAlpha = 0.13;
      for (const span of this.light()) {
        if (span.kind === "eclipse") context.fillRect(this.x(span.start_s), track.y, this.x(span.end_s) - this.x(span.start_s), track.shown_px);
      }
      context.globalAlpha = 1;
      if (!track.plot) continue;
      for (const span of this.light()) {
        if (span.kind !== "none" || span.forecast) continue;
        hatch(context, this.x(span.start_s), track.y, this.x(span.end_s) - this.x(span.start_s), track.shown_px, theme.faint, 0.3);
      }
    }
    context.fillStyle = theme.grid;
    for (const at_s of this.ticks()) context.fillRect(Math.round(this.x(at_s)), 0, 1, this.height - 20);
  }

  ticks() {
    return axisTicks(this.clock, this.window.start_s, this.window.end_s, Math.max(3, this.width / 78));
  }

  /** Light as telemetry says it in the past, as the forecast says it from now on. */
  light() {
    if (this.light_key === this.drawn) return this.light_spans;
    const heard = lightSpans(this.series.t_s, this.series.sunlit_frac, this.now_s);
    const ahead = lightAhead(heard, this.forecast?.eclipses ?? [], this.window, this.now_s);
    this.light_spans = within([...heard, ...ahead], this.window, this.now_s);
    this.light_key = this.drawn;
    return this.light_spans;
  }

  bar(context, track, span, look, lane = 0) {
    const laned = track.shown_px > LANE_PX + 6;
    const height = laned ? LANE_PX - 3 : track.shown_px - 2;
    const y = track.y + 1 + lane * LANE_PX;
    drawBar(context, { x1: this.x(span.start_s), x2: this.x(span.end_s), y, height, look });
  }

  drawLight(context, track) {
    for (const span of this.light()) {
      if (span.kind === "none") hatch(context, this.x(span.start_s), track.y, this.x(span.end_s) - this.x(span.start_s), track.shown_px, theme.faint);
      else if (span.kind === "eclipse") this.bar(context, track, span, { color: theme.eclipse, alpha: span.forecast ? 0.28 : 0.5, ...named(span, "eclipse", "Eclipse") });
      else this.bar(context, track, span, { color: theme.sun, alpha: span.forecast ? 0.12 : 0.26, ...named(span, "sun", "Sunlight") });
    }
  }

  drawModes(context, track) {
    for (const span of within(this.history.spans("modes"), this.window, this.now_s)) {
      const words = modeWords(span.mode);
      this.bar(context, track, span, { color: theme[words.tone] || theme.dim, glyph: words.glyph, text: `${span.mode} · ${modeReason(span.reason)}` });
    }
  }

  jobLanes() {
    const spans = this.history.spans("jobs").filter((span) => !["QUEUED", "STAGING", "SUCCEEDED", "FAILED", "CANCELLED"].includes(span.state));
    return lanes(within(spans, this.window, this.now_s), JOB_LANES_MOST);
  }

  drawJobs(context, track) {
    this.jobLanes().forEach((lane, i) => {
      for (const span of lane) {
        const saving = span.state === "CHECKPOINTING";
        const look = { color: saving ? theme.warn : theme.compute, alpha: 0.3, text: span.job_id, hatch: saving, glyph: jobState(span.state).glyph };
        this.bar(context, track, span, look, i);
      }
    });
  }

  peers() {
    const names = new Set();
    for (const span of within(this.history.spans("links"), this.window, this.now_s)) names.add(span.peer);
    for (const span of within(this.forecast?.sights ?? [], this.window, this.now_s)) names.add(span.peer);
    return [...names].sort().slice(0, PEERS_MOST);
  }

  drawLinks(context, track) {
    const peers = this.peers();
    for (const span of within(this.forecast?.sights ?? [], this.window, this.now_s)) {
      const text = span.start_s > this.now_s ? span.peer : "";
      const look = { color: theme.laser, alpha: 0.05, outline: true, edge: false, ink: theme.dim, text };
      if (peers.includes(span.peer)) this.bar(context, track, span, look, peers.indexOf(span.peer));
    }
    for (const span of within(this.history.spans("links"), this.window, this.now_s)) {
      const look = { color: theme.laser, alpha: 0.3, text: span.peer, glyph: "track" };
      if (peers.includes(span.peer)) this.bar(context, track, span, look, peers.indexOf(span.peer));
    }
  }

  drawPasses(context, track) {
    for (const [i, lane] of this.passLanes().entries()) {
      lane.forEach((span, k) => {
        const beside_px = (lane[k + 1] ? this.x(lane[k + 1].start_s) : this.width) - this.x(span.end_s);
        this.bar(context, track, span, { color: theme.pass, alpha: 0.35, text: span.station, glyph: "contact", beside_px }, i);
      });
    }
  }

  passLanes() {
    return lanes(within(this.forecast?.passes ?? [], this.window, this.now_s), PASS_LANES_MOST);
  }

  drawAxis(context, track) {
    context.fillStyle = theme.dim;
    context.font = font(11);
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const at_s of this.ticks()) {
      const x = this.x(at_s);
      if (x > 18 && x < this.width - 18 && Math.abs(x - this.x(this.now_s)) > 34) context.fillText(this.clock.hm(at_s), x, track.y + 11);
    }
  }

  /** Values at the crosshair, or the newest ones, in the gutter. */
  readOut() {
    const hovering = this.hover !== null && this.hover <= this.width;
    const at_s = hovering ? this.window.start_s + (this.hover / this.width) * this.span_s : this.newest_s();
    setShown(this.cross, hovering);
    setShown(this.crossLabel, hovering);
    if (hovering) {
      const x = AXIS_PX + this.hover;
      setStyle(this.cross, "transform", `translateX(${x.toFixed(1)}px)`);
      setStyle(this.crossLabel, "transform", `translateX(${Math.min(x, this.stage.clientWidth - 74).toFixed(1)}px)`);
      setText(this.crossLabel, this.clock.hms(at_s));
    }
    const i = hovering && at_s > this.now_s ? -1 : indexAt(this.series.t_s, at_s);
    for (const track of this.tracks) {
      for (const [key, el] of Object.entries(track.values)) {
        const value = key === "floor" ? this.floor_frac() : this.series[key][i];
        setText(el, value === null || value === undefined ? "—" : flat(track.write(value)));
      }
      setText(track.note, this.noteAt(track.id, at_s));
    }
  }

  /** Return the instant whose values are shown without a crosshair: the newest sample's, unless it is old. */
  newest_s() {
    const heard_s = this.series.t_s.at(-1) ?? -Infinity;
    const fresh_s = this.now_s - heard_s < 600 ? heard_s : this.now_s;
    return Math.min(fresh_s, this.window.end_s);
  }

  noteAt(id, at_s) {
    const holds = (spans) => within(spans, this.window, this.now_s).filter((span) => span.start_s <= at_s && at_s <= span.end_s);
    const joined = (names) => [...new Set(names)].join(", ") || "—";
    switch (id) {
      case "light": return lightNote(holds(this.light())[0]);
      case "mode": return holds(this.history.spans("modes"))[0]?.mode ?? "—";
      case "jobs": return joined(this.jobLanes().flat().filter((span) => span.start_s <= at_s && at_s <= span.end_s).map((span) => span.job_id));
      case "links": return joined(holds(this.history.spans("links")).map((span) => span.peer));
      case "passes": return joined(holds(this.forecast?.passes ?? []).map((span) => span.station));
      case "axis": return this.clock.day(at_s);
      default: return "";
    }
  }
}

function lightNote(span) {
  if (span?.kind === "none") return span.forecast ? "Not foreseen" : "No telemetry";
  return span ? `${inWords(span.kind)}${span.forecast ? ", forecast" : ""}` : "—";
}

/** Return the label of a span of light; one that goes on from the past was named there. */
const named = (span, glyph, text) => (span.goes_on ? { edge: false } : { glyph, text });

function heatRange(low, high) {
  if (low === null) return [0, 60];
  const [from, to] = [Math.floor((low - 2) / 10) * 10, Math.ceil((high + 2) / 10) * 10];
  return [from, Math.max(to, from + 20)];
}
