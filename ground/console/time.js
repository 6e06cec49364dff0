// Mission time in the browser: it runs smoothly between messages and is corrected by each of them.

const JUMP_WALL_S = 2; // an error above this much wall time is jumped over, a smaller one is slewed away
const SLEW_FRAC = 0.15; // of the error, taken away by each message

const two = (value) => String(value).padStart(2, "0");

/** Follows the server's mission time: now = anchor + (wall - anchor wall) x rate. */
export class MissionClock {
  /** @param {() => number} wall_ms  a monotonic clock, ms */
  constructor(wall_ms = () => performance.now()) {
    this.wall_ms = wall_ms;
    this.known = false;
    this.rate = 1;
    this.anchor_s = 0;
    this.anchor_ms = 0;
    this.utc_offset_ms = 0;
    this.epoch_s = 0;
  }

  /** Take the first message: what UTC moment `now_s` is, and where the mission began. */
  hello({ now_s, now_iso, epoch_iso, rate }) {
    this.utc_offset_ms = Date.parse(now_iso) - now_s * 1000;
    this.epoch_s = (Date.parse(epoch_iso) - this.utc_offset_ms) / 1000;
    this.known = false;
    this.correct(now_s, rate);
  }

  /** Take the server's `now_s` and rate. */
  correct(now_s, rate) {
    const at_ms = this.wall_ms();
    const here_s = this.known ? this.now() : now_s;
    const error_s = now_s - here_s;
    const jump = !this.known || rate !== this.rate || Math.abs(error_s) > JUMP_WALL_S * rate;
    this.anchor_s = jump ? now_s : here_s + error_s * SLEW_FRAC;
    this.anchor_ms = at_ms;
    this.rate = rate;
    this.known = true;
  }

  /** Return mission seconds now, on the server's scale. */
  now() {
    return this.anchor_s + ((this.wall_ms() - this.anchor_ms) / 1000) * this.rate;
  }

  /** Return the UTC moment of mission seconds, as a Date. */
  utc(at_s) {
    return new Date(at_s * 1000 + this.utc_offset_ms);
  }

  /** Return "04:12:33". */
  hms(at_s) {
    const date = this.utc(at_s);
    return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  }

  /** Return "04:12". */
  hm(at_s) {
    const date = this.utc(at_s);
    return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  }

  /** Return "2026-08-22". */
  day(at_s) {
    return this.utc(at_s).toISOString().slice(0, 10);
  }

  /** Return the mission seconds of an hour mark at or before `at_s`, for axes: steps count from UTC midnight. */
  floorTo(at_s, step_s) {
    const utc_s = at_s + this.utc_offset_ms / 1000;
    return Math.floor(utc_s / step_s) * step_s - this.utc_offset_ms / 1000;
  }
}

const AXIS_STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** Return the tick instants in [start_s, end_s] so that at most `most` stand in the window. */
export function axisTicks(clock, start_s, end_s, most) {
  const span_s = end_s - start_s;
  const step_s = AXIS_STEPS_S.find((step) => span_s / step <= most) ?? AXIS_STEPS_S.at(-1);
  const ticks = [];
  for (let at_s = clock.floorTo(start_s, step_s) + step_s; at_s <= end_s; at_s += step_s) ticks.push(at_s);
  return ticks;
}
