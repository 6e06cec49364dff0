// Small drawn signs, so that state never depends on colour alone. Each is a path in a 16 x 16 box.

const SVG = "http://www.w3.org/2000/svg";
const DISC = "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10z";
const RING = "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12zM8 3.6a4.4 4.4 0 1 1 0 8.8a4.4 4.4 0 1 1 0-8.8z";

const PATHS = {
  sun: "M8 4.6a3.4 3.4 0 1 0 0 6.8a3.4 3.4 0 1 0 0-6.8zM7.4 .8h1.2v2.4H7.4zM7.4 12.8h1.2v2.4H7.4zM.8 7.4h2.4v1.2H.8zM12.8 7.4h2.4v1.2h-2.4zM2.5 3.4l.9-.9 1.7 1.7-.9.9zM10.9 11.8l.9-.9 1.7 1.7-.9.9zM2.5 12.6l1.7-1.7.9.9-1.7 1.7zM10.9 4.2l1.7-1.7.9.9-1.7 1.7z",
  eclipse: "M10.6 2.2a6 6 0 1 0 3.2 8.9a5.2 5.2 0 0 1-3.2-8.9z",
  penumbra: `${RING}M8 3.6a4.4 4.4 0 0 0 0 8.8z`,
  unknown: "M5.2 6.2a2.8 2.8 0 1 1 3.7 2.7V10H7.3V7.8h.7a1.3 1.3 0 1 0-1.3-1.6zM7.2 11.4h1.7v1.7H7.2z",
  track: DISC,
  acquire: `${RING}M8 5.8a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 1 0 0-4.4z`,
  slew: `${RING}M8 3.6a4.4 4.4 0 0 1 0 8.8z`,
  idle: RING,
  off: "M2.5 7.2h11v1.6h-11z",
  cross: "M3.4 4.5l1.1-1.1L8 6.9l3.5-3.5 1.1 1.1L9.1 8l3.5 3.5-1.1 1.1L8 9.1l-3.5 3.5-1.1-1.1L6.9 8z",
  check: "M6.6 10.6L3.6 7.6 2.5 8.7l4.1 4.1 7-7-1.1-1.1z",
  up: "M8 3l5 8.5H3z",
  down: "M8 13L3 4.5h10z",
  level: "M3 7h10v2H3z",
  play: "M4.5 3l8 5-8 5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  wait: `${RING}M7.4 4.8h1.3v3l2 1.5-.8 1L7.4 8.4z`,
  save: "M3 3h8l2 2v8H3zM5 9h6v3H5zM5 4v2.6h5V4z",
  contact: "M7.2 8.6h1.6l1.7 5.4H5.5zM8 5.2a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 1 0 0-3.2zM4.4 3.2l1 .9a4 4 0 0 0 0 5.2l-1 .9a5.3 5.3 0 0 1 0-7zM11.6 3.2l-1 .9a4 4 0 0 1 0 5.2l1 .9a5.3 5.3 0 0 0 0-7z",
  shield: "M8 1.5l5 2v4c0 3.4-2.2 5.8-5 7c-2.8-1.2-5-3.6-5-7v-4z",
  low: "M8 2.5L14.5 13.5h-13zM7.3 6.5v3.6h1.4V6.5zM7.3 11v1.4h1.4V11z",
  left: "M10.5 3L5.5 8l5 5 1.1-1.1L7.7 8l3.9-3.9z",
  right: "M5.5 3L4.4 4.1 8.3 8l-3.9 3.9 1.1 1.1 5-5z",
};

/** Return a new glyph; hidden from assistive technology, because the word stands beside it. */
export function glyph(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `glyph ${extra}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("fill", "currentColor");
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  setGlyph(svg, name);
  return svg;
}

/** Change which glyph an element shows. */
export function setGlyph(svg, name) {
  if (svg.dlGlyph === name) return;
  svg.dlGlyph = name;
  svg.firstChild.setAttribute("d", PATHS[name] ?? PATHS.unknown);
}

/** Draw a glyph on a canvas, `size` px wide with its centre at (x, y). */
export function drawGlyph(context, name, x, y, size) {
  context.save();
  context.translate(x - size / 2, y - size / 2);
  context.scale(size / 16, size / 16);
  context.fill(new Path2D(PATHS[name] ?? PATHS.unknown), "evenodd");
  context.restore();
}
