// The top bar: mission, screens, mission time, rate, and how the console itself is linked.

import { signed } from "./cells.js";
import { h, setAttr, setShown, setText } from "./dom.js";
import { NONE, ago, duration } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const SCREENS = [["fleet", "Fleet", "#/", "1"], ["jobs", "Jobs", "#/jobs", "2"], ["events", "Events", "#/events", "3"]];
const STALE_S = 3; // wall time without a message after which the data are called old

function mark() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 32 32");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  for (const [tag, attributes] of [
    ["circle", { cx: 16, cy: 16, r: 12.5, class: "mark-night" }],
    ["path", { d: "M16 3.5a12.5 12.5 0 0 1 0 25a17 17 0 0 0 0-25z", class: "mark-day" }],
    ["circle", { cx: 16, cy: 16, r: 12.5, class: "mark-rim" }],
  ]) {
    const part = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, String(value));
    svg.append(part);
  }
  return svg;
}

/** Fill the top bar. `paint` keeps it current. */
export function topBar(context, root, notice) {
  const { store, clock, feed } = context;
  const mission = h("span.mission");
  const links = SCREENS.map(([id, text, href, key]) => h("a", { href, text, "data-screen": id, title: `${text}  ${key}` }));
  const day = h("span.clock-day");
  const time = h("span.clock-time", { text: NONE });
  const elapsed = h("span.clock-elapsed");
  const rate = h("span.rate", { title: "How many mission seconds pass in one second" });
  const link = signed(".link-state");
  root.append(h("a.brand", { href: "#/", "aria-label": "Dawnline, fleet" }, mark(), h("span", { text: "Dawnline" })), mission, h("nav", { "aria-label": "Screens" }, ...links), h("span.spring"),
    h("div.clock", { role: "timer", "aria-label": "Mission time, UTC" }, day, time, h("span.clock-zone", { text: "UTC" })), elapsed, rate, link.el);

  function say(state, age_s) {
    const retry_s = feed.retry_s();
    const age = age_s === null ? "" : ` Shown is what was known ${ago(age_s)}.`;
    const next = retry_s === null ? "Connecting." : `Next try in ${Math.ceil(retry_s)} s.`;
    const text = { live: "", connecting: "Connecting to the ground service.", stalled: `The ground service is silent.${age} Values are not current.`,
      reconnecting: `The ground service cannot be reached.${age} ${next}` }[state];
    setText(notice, text ?? "");
    setShown(notice, Boolean(text));
  }

  return {
    paint(now_s, screen) {
      const age_s = feed.age_s();
      const state = context.link === "live" && age_s > STALE_S ? "stalled" : context.link;
      setAttr(document.body, "data-link", state);
      say(state, age_s);
      setText(mission, store.mission);
      for (const one of links) setAttr(one, "aria-current", one.dataset.screen === screen ? "page" : null);
      if (state === "live") link.show({ word: "Live", glyph: "track", tone: "good" });
      else link.show({ word: state, glyph: state === "connecting" ? "acquire" : "cross", tone: "warn" }, age_s === null ? "Connecting" : `${state === "stalled" ? "Silent" : "Reconnecting"}, ${Math.round(age_s)} s old`);
      if (!clock.known) return;
      setText(day, clock.day(now_s));
      setText(time, clock.hms(now_s));
      const since_s = now_s - clock.epoch_s;
      setText(elapsed, Number.isFinite(since_s) ? `T+ ${duration(since_s)}` : "");
      setText(rate, clock.rate === 1 ? "real time" : `${clock.rate} ×`);
    },
  };
}
