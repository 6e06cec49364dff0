// Events: what happened, newest first; filtered by severity and node; followed or held still.

import { h, KeyedList, setAttr, setShown, setText } from "../dom.js";
import { SEVERITIES, severity } from "../words.js";

const SHOWN_MOST = 300;

/** One event as a row. In the compact form the day and the program are left out. */
export function eventRow({ clock }, event, compact = false) {
  const words = severity(event.severity);
  const time = compact ? clock.hms(event.at_s) : `${clock.day(event.at_s)} ${clock.hms(event.at_s)}`;
  const el = h("div.event", { "data-tone": words.tone, "data-severity": event.severity },
    h("span.severity", { title: `Severity ${words.word}`, "aria-label": `${words.word} severity`, text: words.letter }),
    h("time.event-time", { datetime: event.at_iso ?? "", text: time }),
    event.node ? h("a.event-node", { href: `#/node/${encodeURIComponent(event.node)}`, text: event.node }) : h("span.event-node", { text: "ground" }),
    compact ? null : h("span.event-id", { text: [event.app, event.event_id].filter(Boolean).join(" · ") }),
    h("span.event-text", { text: event.text, title: compact ? event.text : null }));
  return { el, update() {} };
}

/** Show the event screen in `root`. */
export function eventsView(context, root) {
  const { store } = context;
  const filter = { severities: new Set(SEVERITIES), node: "", text: "" };
  let held = null;
  let shown = "";
  const list = h("div.event-list", { role: "log", "aria-label": "Events", tabindex: "0" });
  const rows = new KeyedList(list, (event) => eventRow(context, event));
  const empty = h("p.empty", { text: "No event fits the filter." });
  const count = h("span.soft");
  const nodes = h("select", { "aria-label": "Node", onchange: () => { filter.node = nodes.value; shown = ""; } }, h("option", { value: "", text: "All nodes" }));
  const search = h("input", { type: "search", placeholder: "Filter text  /", "aria-label": "Filter events by text", "data-search": true,
    oninput: () => { filter.text = search.value.trim().toLowerCase(); shown = ""; } });
  const follow = h("button.button", { type: "button", title: "Pause or follow  p", "aria-pressed": "false", onclick: toggle });
  root.append(h("section.screen.panel", {},
    h("div.toolbar", {}, h("h1", { text: "Events" }), severityButtons(filter, () => { shown = ""; }), nodes, search, h("span.spring"), count, follow),
    h("div.event.event-head", { "aria-hidden": "true" }, ...["", "Time UTC", "Node", "App · event", "What happened"].map((text) => h("span", { text }))),
    list, empty));

  function toggle() {
    held = held === null ? store.events.slice() : null;
    shown = "";
  }

  function fits(event) {
    if (!filter.severities.has(event.severity)) return false;
    if (filter.node && event.node !== filter.node) return false;
    return !filter.text || `${event.text} ${event.event_id} ${event.app} ${event.node}`.toLowerCase().includes(filter.text);
  }

  function syncNodes() {
    const known = store.nodeList().map((node) => node.node);
    if (nodes.options.length === known.length + 1) return;
    nodes.replaceChildren(h("option", { value: "", text: "All nodes" }), ...known.map((node) => h("option", { value: node, text: node })));
    nodes.value = filter.node;
  }

  return {
    keys: { p: toggle },
    paint() {
      const newer = held === null ? 0 : store.events.filter((event) => event.at_s > (held.at(-1)?.at_s ?? 0)).length;
      setText(follow, held === null ? "Pause" : `Follow (${newer} new)`);
      setAttr(follow, "aria-pressed", held === null ? "false" : "true");
      setAttr(list, "data-held", held === null ? null : "yes");
      const state = `${store.version.events}/${held === null}/${held === null ? 0 : newer}`;
      if (state === shown) return;
      shown = state;
      syncNodes();
      const all = (held ?? store.events).filter(fits);
      setText(count, `${Math.min(all.length, SHOWN_MOST)} of ${(held ?? store.events).length} kept${store.dropped_events ? ", older ones in the archive" : ""}`);
      rows.sync(all.slice(-SHOWN_MOST).reverse(), (event) => event.id);
      setShown(empty, all.length === 0);
    },
    destroy() {},
  };
}

function severityButtons(filter, changed) {
  const buttons = SEVERITIES.map((name) => {
    const words = severity(name);
    const button = h("button.toggle", { type: "button", "data-tone": words.tone, "aria-pressed": "true" }, h("b", { text: words.letter }), words.word);
    button.addEventListener("click", () => {
      const on = !filter.severities.delete(name);
      if (on) filter.severities.add(name);
      button.setAttribute("aria-pressed", String(on));
      changed();
    });
    return button;
  });
  return h("div.toggles", { role: "group", "aria-label": "Severities shown" }, ...buttons);
}
