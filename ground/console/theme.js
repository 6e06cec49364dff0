// The palette of the style sheet, for canvases. Read again when the scheme changes.

const NAMES = [
  "bg", "panel", "well", "line", "grid", "text", "dim", "faint", "sun", "eclipse", "load", "compute", "battery",
  "laser", "pass", "good", "warn", "bad", "info", "land-day", "land-night", "sea-day", "sea-night", "night-rgb",
];
const listeners = new Set();

export const theme = { version: 0 };

function read() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) theme[name.replaceAll("-", "_")] = style.getPropertyValue(`--${name}`).trim();
  theme.font = style.getPropertyValue("--font").trim();
  theme.version += 1;
  for (const listener of listeners) listener();
}

/** Read the palette and follow the scheme from now on. */
export function startTheme() {
  read();
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", read);
  document.fonts?.ready.then(read);
}

/** Call `listener` at each change of the palette; returns the function that ends this. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return a canvas font of the console's family. */
export const font = (size_px, weight = 400) => `${weight} ${size_px}px ${theme.font}`;

/** Size a canvas to its box in device pixels; returns its context, scaled to CSS pixels. */
export function fitCanvas(canvas, width, height) {
  const scale = globalThis.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(width * scale));
  const hgt = Math.max(1, Math.round(height * scale));
  if (canvas.width !== w || canvas.height !== hgt) {
    canvas.width = w;
    canvas.height = hgt;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}
