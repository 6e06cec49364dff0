// What the codes of the interface mean to an operator: a word, a sign, and a tone.
// Tones are classes of the style sheet: good, info, sun, eclipse, warn, bad, calm.

const words = (code) => {
  const text = String(code ?? "").replaceAll("_", " ").toLowerCase();
  return text === "" ? "—" : text[0].toUpperCase() + text.slice(1);
};
const lookup = (table) => (code) => table[code] ?? { word: words(code), glyph: "unknown", tone: "calm" };

export const inWords = words;

export const mode = lookup({
  SAFE: { word: "SAFE", glyph: "shield", tone: "bad" },
  SURVIVAL: { word: "SURVIVAL", glyph: "low", tone: "warn" },
  ECLIPSE: { word: "ECLIPSE", glyph: "eclipse", tone: "eclipse" },
  NOMINAL: { word: "NOMINAL", glyph: "check", tone: "good" },
  BOOST: { word: "BOOST", glyph: "up", tone: "sun" },
});

const MODE_REASONS = {
  BOOT: "after boot",
  RECOVERED: "recovered after reset",
  SUN: "in sunlight",
  ECLIPSE: "Sun is down",
  SURPLUS: "energy to spare",
  SURPLUS_SPENT: "surplus spent",
  LOW_BATTERY: "battery low",
  BATTERY_RESTORED: "battery restored",
  COMMANDED: "by command",
  READINGS_LOST: "readings lost",
  APP_FAILED: "an app failed",
};
export const modeReason = (code) => MODE_REASONS[code] ?? words(code).toLowerCase();

export const pat = lookup({
  TRACK: { word: "tracking", glyph: "track", tone: "laser" },
  ACQUIRE: { word: "acquiring", glyph: "acquire", tone: "warn" },
  SLEW: { word: "slewing", glyph: "slew", tone: "info" },
  IDLE: { word: "idle", glyph: "idle", tone: "calm" },
  LOST: { word: "lost", glyph: "cross", tone: "bad" },
  OFF: { word: "off", glyph: "off", tone: "calm" },
});

export const jobState = lookup({
  STAGING: { word: "Staging", glyph: "wait", tone: "info" },
  QUEUED: { word: "Queued", glyph: "wait", tone: "calm" },
  STARTING: { word: "Starting", glyph: "play", tone: "info" },
  RUNNING: { word: "Running", glyph: "play", tone: "good" },
  CHECKPOINTING: { word: "Saving checkpoint", glyph: "save", tone: "warn" },
  VERIFYING: { word: "Verifying result", glyph: "check", tone: "info" },
  SUCCEEDED: { word: "Succeeded", glyph: "check", tone: "good" },
  FAILED: { word: "Failed", glyph: "cross", tone: "bad" },
  CANCELLED: { word: "Cancelled", glyph: "off", tone: "calm" },
});

const RUNNING = new Set(["STARTING", "RUNNING", "CHECKPOINTING", "VERIFYING"]);
const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "REFUSED", "EXPIRED"]);

/** Return the column of the job board that a state belongs to. */
export function jobColumn(state) {
  if (RUNNING.has(state)) return "running";
  return ENDED.has(state) ? "ended" : "waiting";
}

export const severity = lookup({
  INFO: { word: "Info", letter: "I", glyph: "idle", tone: "calm", rank: 0 },
  LOW: { word: "Low", letter: "L", glyph: "level", tone: "info", rank: 1 },
  MEDIUM: { word: "Medium", letter: "M", glyph: "low", tone: "warn", rank: 2 },
  HIGH: { word: "High", letter: "H", glyph: "cross", tone: "bad", rank: 3 },
});
export const SEVERITIES = ["INFO", "LOW", "MEDIUM", "HIGH"];

/** Return how a node stands to the Sun: a word, a sign, a tone. */
export function sunlight(frac) {
  if (frac === null || frac === undefined) return { word: "—", glyph: "unknown", tone: "calm" };
  if (frac <= 0.001) return { word: "Eclipse", glyph: "eclipse", tone: "eclipse" };
  if (frac < 0.999) return { word: "Penumbra", glyph: "penumbra", tone: "sun" };
  return { word: "Sunlight", glyph: "sun", tone: "sun" };
}

/** Return the light and the next change of it as two texts and a sign. */
export function lightWords({ frac, foreseen }, next) {
  const words = sunlight(frac);
  const name = next?.to === "sun" ? "sunrise" : "eclipse";
  return { words, now: foreseen ? `${words.word}, foreseen` : words.word, name };
}

/** Commands that change what the node is for, or end work: they are armed before they are sent. */
export const HAZARDOUS = new Set(["enter_safe", "leave_safe", "reset_unit", "cancel_job"]);
