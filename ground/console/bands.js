// Bands of the strip: spans of time as labelled bars on a canvas.

import { drawGlyph } from "./glyph.js";
import { font, theme } from "./theme.js";

const LABEL_PX = 11;

/** Return spans with an end, `now_s` standing in for one that is still open, that touch the window. */
export function within(spans, window, now_s) {
  const closed = [];
  for (const span of spans) {
    const end_s = span.end_s ?? now_s;
    if (end_s > window.start_s && span.start_s < window.end_s) closed.push({ ...span, end_s });
  }
  return closed;
}

/** Return the spans dealt into lanes so that none overlap, first come first: a list of lists. */
export function lanes(spans, most) {
  const dealt = [];
  for (const span of [...spans].sort((a, b) => a.start_s - b.start_s)) {
    let lane = dealt.find((held) => held.at(-1).end_s <= span.start_s);
    if (lane === undefined) {
      if (dealt.length === most) continue;
      dealt.push((lane = []));
    }
    lane.push(span);
  }
  return dealt;
}

/** Draw one bar with its label inside, cut to fit, or beside nothing when it is too narrow. */
export function drawBar(context, { x1, x2, y, height, look }) {
  const left = Math.round(x1);
  const wide = Math.max(1.5, Math.round(x2) - left - 1);
  context.save();
  context.beginPath();
  context.roundRect(left, y, wide, height, Math.min(2.5, wide / 2));
  context.globalAlpha = look.alpha ?? 0.22;
  context.fillStyle = look.color;
  context.fill();
  context.clip();
  context.globalAlpha = 1;
  if (look.hatch) hatch(context, left, y, wide, height, look.color);
  if (look.edge !== false) {
    context.fillStyle = look.color;
    context.fillRect(left, y, Math.min(2.5, wide), height);
  }
  if (look.outline) {
    context.strokeStyle = look.color;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, y + 0.5, wide - 1, height - 1);
  }
  const written = label(context, left, wide, y, height, look);
  context.restore();
  if (look.beside_px && !written) beside(context, left + wide + 5, y + height / 2, look);
}

/** Write the label after a bar that is too narrow for it, when the way to the next bar is free. */
function beside(context, x, y, look) {
  context.font = font(LABEL_PX, 500);
  if (context.measureText(look.text).width + 12 > look.beside_px) return;
  context.fillStyle = theme.dim;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(look.text, x, y + 0.5);
}

/** Write sign and label inside a bar; returns whether the label found room. */
function label(context, left, wide, y, height, look) {
  const from = Math.max(left, 0) + 7;
  const room = left + wide - from - 4;
  if (!look.text && !look.glyph) return false;
  let x = from;
  context.font = font(LABEL_PX, 500);
  context.fillStyle = look.ink ?? theme.text;
  const text_px = look.text ? context.measureText(look.text).width : 0;
  const textOnly = text_px > 0 && text_px <= room && text_px + 15 > room;
  if (look.glyph && room > 10 && !textOnly) {
    context.fillStyle = look.color;
    drawGlyph(context, look.glyph, x + 5, y + height / 2, 11);
    context.fillStyle = look.ink ?? theme.text;
    x += 15;
  }
  if (!look.text || height < 12) return true;
  context.textAlign = "left";
  context.textBaseline = "middle";
  const text = fitted(context, look.text, left + wide - x - 4);
  if (text) context.fillText(text, x, y + height / 2 + 0.5);
  return text !== "";
}

/** Return the text, its short end cut with an ellipsis, or nothing when too little would be left. */
function fitted(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  for (let keep = text.length - 1; keep >= 4; keep -= 1) {
    const cut = `${text.slice(0, keep)}…`;
    if (context.measureText(cut).width <= room) return cut;
  }
  return "";
}

/** Fill a box with thin slanted lines: what is not known, or not for sure. */
export function hatch(context, left, y, wide, height, color, alpha = 0.5) {
  context.save();
  context.beginPath();
  context.rect(left, y, wide, height);
  context.clip();
  context.globalAlpha *= alpha;
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.beginPath();
  const first = Math.floor(left / 7) * 7 - height;
  for (let x = first; x < left + wide; x += 7) {
    context.moveTo(x, y + height);
    context.lineTo(x + height, y);
  }
  context.stroke();
  context.restore();
}
