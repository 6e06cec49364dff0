// The console: joins feed, store, clock and screens, and paints at most ten times a second.

import { Api, Feed } from "./api.js";
import { clear } from "./dom.js";
import { Forecasts } from "./forecast.js";
import { askToken, findToken, forgetToken } from "./gate.js";
import { Store } from "./store.js";
import { startTheme } from "./theme.js";
import { MissionClock } from "./time.js";
import { topBar } from "./top.js";
import { eventsView } from "./views/events.js";
import { fleetView } from "./views/fleet.js";
import { jobsView } from "./views/jobs.js";
import { nodeView } from "./views/node.js";

const PAINT_MS = 100;
const SCREEN_KEYS = { 1: "#/", 2: "#/jobs", 3: "#/events" };

const root = document.getElementById("main");
let token = findToken();
const api = new Api(() => token);
const context = {
  api,
  store: new Store(),
  clock: new MissionClock(),
  forecasts: new Forecasts(api),
  link: "connecting",
  chosen_job: null,
  floor_frac: (view) => view?.soc_floor_frac ?? context.store.profile?.soc_floor_frac ?? null,
  commands: () => (context.commands_kept ??= api.commands().catch((error) => { context.commands_kept = null; throw error; })),
};
context.feed = new Feed(() => token, { message: receive, state: (state) => { context.link = state; }, refused });
const top = topBar(context, document.getElementById("top"), document.getElementById("notice"));
let view = null;
let screen = "";
let asking = false;
let painted_ms = 0;

function receive(message) {
  if (message.type === "hello") {
    context.clock.hello(message);
    context.store.hello(message);
  } else if (message.type === "update") {
    context.clock.correct(message.now_s, message.rate);
    context.store.take(message);
  }
}

function refused() {
  forgetToken();
  ask("The ground service did not accept the token.");
}

function ask(why) {
  asking = true;
  close();
  askToken(root, why, (entered) => {
    token = entered;
    asking = false;
    context.link = "connecting";
    context.feed.start();
    route();
  });
}

function close() {
  view?.destroy();
  view = null;
  clear(root);
}

const ROUTES = [
  [/^#\/node\/([^/]+)$/, "fleet", (id) => nodeView(context, root, id)],
  [/^#\/jobs(?:\/([^/]+))?$/, "jobs", (id) => jobsView(context, root, id)],
  [/^#\/events$/, "events", () => eventsView(context, root)],
  [/^/, "fleet", () => fleetView(context, root)],
];

function route() {
  if (asking) return;
  if (location.hash.startsWith("#token=")) {
    location.reload(); // a new address was opened over an old tab
    return;
  }
  close();
  const [pattern, name, open] = ROUTES.find(([one]) => one.test(location.hash));
  const [, id] = pattern.exec(location.hash);
  screen = name;
  view = open(id === undefined ? undefined : decodeURIComponent(id));
  root.scrollTop = 0;
  painted_ms = 0;
}

function paint() {
  requestAnimationFrame(paint);
  if (performance.now() - painted_ms < PAINT_MS) return;
  painted_ms = performance.now();
  const now_s = context.clock.now();
  top.paint(now_s, screen);
  if (context.clock.known) view?.paint(now_s);
}

function typed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || asking) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing) return;
  const onButton = event.target.matches("button, a") && (event.key === " " || event.key === "Enter");
  if (onButton) return;
  if (event.key === "/") {
    event.preventDefault();
    root.querySelector("[data-search]")?.focus();
  } else if (SCREEN_KEYS[event.key]) {
    location.hash = SCREEN_KEYS[event.key];
  } else if (view?.keys?.[event.key]) {
    event.preventDefault();
    view.keys[event.key]();
  }
}

startTheme();
addEventListener("hashchange", route);
addEventListener("keydown", typed);
if (token) {
  context.feed.start();
  route();
} else {
  ask("This console needs an access token.");
}
requestAnimationFrame(paint);
