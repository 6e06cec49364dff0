// Eclipses, passes and sights to come, asked for node by node and kept until they run out.

const RENEW_BEFORE_S = 1800; // mission time: ask again when less than this is left
const AGE_MOST_S = 5400; // mission time: ask again in any case
const SPANS_MOST = 400;
const AGAIN_AFTER_MS = 5000; // wall time between two requests for one node
const AGAIN_REFUSED_MS = 60000; // the same after a request that failed

/** Keeps the forecasts of all nodes; one request at a time. */
export class Forecasts {
  constructor(api) {
    this.api = api;
    this.kept = new Map();
    this.asked_ms = new Map();
    this.queue = [];
    this.busy = false;
  }

  /** Return the forecast of a node, or null; asks for it when it is missing or runs out. */
  of(node, now_s) {
    const kept = this.kept.get(node) ?? null;
    if (kept === null || now_s - kept.fetched_s > AGE_MOST_S || kept.end_s - now_s < RENEW_BEFORE_S) this.ask(node, now_s);
    return kept;
  }

  ask(node, now_s) {
    const since_ms = performance.now() - (this.asked_ms.get(node) ?? -Infinity);
    if (since_ms < AGAIN_AFTER_MS || this.queue.includes(node)) return;
    this.queue.push(node);
    this.pump(now_s);
  }

  async pump(now_s) {
    if (this.busy) return;
    this.busy = true;
    while (this.queue.length > 0) {
      const node = this.queue[0];
      this.asked_ms.set(node, performance.now());
      try {
        const view = await this.api.node(node);
        const ends = (view.eclipses ?? []).map((span) => span.end_s);
        const before = this.kept.get(node);
        this.kept.set(node, {
          eclipses: joined(before?.eclipses, view.eclipses),
          passes: joined(before?.passes, view.passes),
          sights: joined(before?.sights, view.sights),
          fetched_s: now_s,
          end_s: Math.max(now_s, ...ends),
        });
      } catch {
        this.asked_ms.set(node, performance.now() + AGAIN_REFUSED_MS - AGAIN_AFTER_MS);
        // The next request comes by itself; until then the countdown shows that it is not known.
      }
      this.queue.shift();
    }
    this.busy = false;
  }
}

/** Return older spans, so that the past stays on the strip, followed by the new answer's. */
function joined(older = [], newer = []) {
  const from_s = newer.reduce((least, span) => Math.min(least, span.start_s), Infinity);
  return [...older.filter((span) => span.end_s < from_s), ...newer].slice(-SPANS_MOST);
}

/** Return the span that holds `at_s`, or null. */
export const spanAt = (spans, at_s) => spans.find((span) => span.start_s <= at_s && at_s < span.end_s) ?? null;

/** Return the first span that begins after `at_s`, or null. */
export const spanAfter = (spans, at_s) =>
  spans.reduce((best, span) => (span.start_s > at_s && (best === null || span.start_s < best.start_s) ? span : best), null);

/** Return how the node stands to the Sun: as it says while it is heard, as foreseen while it is silent. */
export function lightNow(view, forecast, now_s) {
  if (view.heard || forecast === null) return { frac: view.sunlit_frac, foreseen: false };
  return { frac: spanAt(forecast.eclipses, now_s) ? 0 : 1, foreseen: true };
}

/** Return the next change of light: `{to, in_s}`, or null when none is known; in_s is 0 when it is due. */
export function nextLight(view, forecast, now_s) {
  const inside = forecast ? spanAt(forecast.eclipses, now_s) : null;
  const { frac } = lightNow(view, forecast, now_s);
  if (forecast && frac > 0.999 && inside) return { to: "eclipse", in_s: 0 };
  if (forecast && frac === 0 && !inside) return { to: "sun", in_s: 0 };
  if (inside) return { to: "sun", in_s: inside.end_s - now_s };
  const next_s = (forecast && spanAfter(forecast.eclipses, now_s)?.start_s) ?? view.next_eclipse_s;
  if (typeof next_s !== "number" || next_s < now_s || frac === 0) return null;
  return { to: "eclipse", in_s: next_s - now_s };
}

/** Return the contact now or next: `{station, now, in_s}`; in_s counts to its end when it is now. */
export function nextContact(view, forecast, now_s) {
  const pass = forecast ? spanAt(forecast.passes, now_s) : null;
  if (view.in_contact) return { station: pass?.station ?? null, now: true, in_s: pass ? pass.end_s - now_s : null };
  const next = forecast ? spanAfter(forecast.passes, now_s) : null;
  if (next) return { station: next.station, now: false, in_s: next.start_s - now_s };
  if (typeof view.next_contact_s === "number" && view.next_contact_s >= now_s) {
    return { station: null, now: false, in_s: view.next_contact_s - now_s };
  }
  return null;
}
