// What the console knows: the newest view of each node, job and telecommand, and the last events.

const EVENTS_MOST = 600;
const JOBS_MOST = 2000;
const TCS_MOST = 400;
const TRAIL_MOST = 90; // positions kept behind each satellite
const TRAIL_STEP_DEG = 0.8;

/** Holds the newest views; says what changed by counting versions. */
export class Store {
  constructor() {
    this.mission = "";
    this.stations = [];
    this.profile = null;
    this.nodes = new Map();
    this.jobs = new Map();
    this.tcs = new Map();
    this.events = [];
    this.trails = new Map();
    this.version = { nodes: 0, jobs: 0, tcs: 0, events: 0 };
    this.dropped_events = 0;
    this.at_s = 0;
  }

  /** Take the first message of a connection: it replaces all, so that nothing gone stays on screen. */
  hello(message) {
    this.mission = message.mission ?? "";
    this.stations = message.stations ?? [];
    this.profile = message.profile ?? null;
    for (const map of [this.nodes, this.jobs, this.tcs]) map.clear();
    this.events = [];
    this.take(message);
  }

  /** Take what a message brings. */
  take(message) {
    this.at_s = message.now_s;
    for (const node of message.nodes ?? []) this.takeNode(node);
    for (const job of message.jobs ?? []) this.jobs.set(job.job_id, job);
    for (const tc of message.tcs ?? []) this.tcs.set(tc.request_id, tc);
    this.takeEvents(message.events ?? []);
    for (const kind of ["nodes", "jobs", "tcs"]) if (message[kind]?.length) this.version[kind] += 1;
    this.prune();
  }

  takeNode(node) {
    this.nodes.set(node.node, node);
    if (typeof node.latitude_deg !== "number") return;
    let trail = this.trails.get(node.node);
    if (trail === undefined) this.trails.set(node.node, (trail = []));
    const last = trail.at(-1);
    const step = last ? Math.hypot(node.latitude_deg - last[0], node.longitude_deg - last[1]) : Infinity;
    if (step < TRAIL_STEP_DEG) return;
    trail.push([node.latitude_deg, node.longitude_deg]);
    if (trail.length > TRAIL_MOST) trail.shift();
  }

  takeEvents(events) {
    if (events.length === 0) return;
    const known = new Set(this.events.slice(-200).map((event) => event.id));
    for (const event of events) if (!known.has(event.id)) this.events.push(event);
    this.events.sort((a, b) => a.at_s - b.at_s);
    const surplus = this.events.length - EVENTS_MOST;
    if (surplus > 0) {
      this.events.splice(0, surplus);
      this.dropped_events += surplus;
    }
    this.version.events += 1;
  }

  prune() {
    for (const [map, most] of [[this.jobs, JOBS_MOST], [this.tcs, TCS_MOST]]) {
      for (const key of map.keys()) {
        if (map.size <= most) break;
        map.delete(key);
      }
    }
  }

  /** Return the node views in the order of their names. */
  nodeList() {
    return [...this.nodes.values()].sort((a, b) => a.node.localeCompare(b.node, "en", { numeric: true }));
  }

  /** Return the telecommands of a node, newest first. */
  tcsOf(node) {
    return [...this.tcs.values()].filter((tc) => tc.node === node).sort((a, b) => b.issued_s - a.issued_s);
  }
}
