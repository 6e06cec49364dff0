// The map strip: land as dots, the night as a soft shade, the dawn line, stations, satellites and laser links.

import { landDots } from "./land.js";
import { greatCircle, sineOfElevation, subsolarPoint, terminatorLatitude, wrap } from "./sun.js";
import { drawGlyph } from "./glyph.js";
import { fitCanvas, font, onTheme, theme } from "./theme.js";
import { mode as modeWords } from "./words.js";

const NORTH_DEG = 82;
const SOUTH_DEG = -56;
const DOT_STEP_DEG = 1.8;
const SHADE_COLUMNS = 180;
const SHADE_AGE_MS = 400; // wall time between two drawings of the night
const HIT_PX = 14;
export const MAP_ASPECT = 360 / (NORTH_DEG - SOUTH_DEG);

const dots = landDots(DOT_STEP_DEG, SOUTH_DEG, NORTH_DEG);

/** Draws the fleet on an equirectangular map. */
export class FleetMap {
  /** @param {HTMLCanvasElement} canvas @param {(node: string) => void} choose */
  constructor(canvas, choose) {
    this.canvas = canvas;
    this.base = document.createElement("canvas");
    this.shade = document.createElement("canvas");
    this.base_key = "";
    this.based_ms = 0;
    this.spots = [];
    this.hover = null;
    this.width = 0;
    this.height = 0;
    this.sized = new ResizeObserver(([entry]) => { ({ width: this.width, height: this.height } = entry.contentRect); });
    this.sized.observe(canvas);
    this.unfollow = onTheme(() => { this.base_key = ""; });
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => { this.hover = null; });
    canvas.addEventListener("click", () => { if (this.hover) choose(this.hover); });
  }

  destroy() {
    this.unfollow();
    this.sized.disconnect();
  }

  point(event) {
    const near = this.spots
      .map((spot) => ({ node: spot.node, away: Math.hypot(spot.x - event.offsetX, spot.y - event.offsetY) }))
      .filter((spot) => spot.away < HIT_PX)
      .sort((a, b) => a.away - b.away)[0];
    this.hover = near ? near.node : null;
    this.canvas.style.cursor = near ? "pointer" : "default";
  }

  x(lon) {
    return ((lon + 180) / 360) * this.width;
  }

  y(lat) {
    return ((NORTH_DEG - lat) / (NORTH_DEG - SOUTH_DEG)) * this.height;
  }

  /** Draw the fleet as it stands at a UTC moment. */
  draw(date, { nodes, stations, trails }) {
    if (this.width < 10) return;
    this.drawBase(date);
    const context = fitCanvas(this.canvas, this.width, this.height);
    context.clearRect(0, 0, this.width, this.height);
    context.drawImage(this.base, 0, 0, this.width, this.height);
    for (const station of stations) this.drawStation(context, station, nodes);
    for (const node of nodes) this.drawTrail(context, trails.get(node.node) ?? [], node);
    this.drawLinks(context, nodes);
    this.spots = [];
    for (const node of nodes) this.drawNode(context, node);
    this.taken = this.spots.map(({ x, y }) => ({ left: x - 9, right: x + 9, top: y - 9, bottom: y + 9 }));
    for (const spot of this.spots) this.drawLabel(context, spot);
  }

  drawBase(date) {
    const key = `${this.width}x${this.height}/${theme.version}`;
    if (key === this.base_key && performance.now() - this.based_ms < SHADE_AGE_MS) return;
    this.base_key = key;
    this.based_ms = performance.now();
    const sun = subsolarPoint(date);
    const context = fitCanvas(this.base, this.width, this.height);
    context.fillStyle = theme.sea_day;
    context.fillRect(0, 0, this.width, this.height);
    this.drawNight(context, sun);
    this.drawGraticule(context);
    this.drawLand(context, sun);
    this.drawDawnLine(context, sun);
    context.fillStyle = theme.sun;
    drawGlyph(context, "sun", this.x(sun.longitude_deg), this.y(sun.latitude_deg), 17);
  }

  drawNight(context, sun) {
    const rows = Math.round(SHADE_COLUMNS / MAP_ASPECT);
    this.shade.width = SHADE_COLUMNS;
    this.shade.height = rows;
    const shade = this.shade.getContext("2d");
    const image = shade.createImageData(SHADE_COLUMNS, rows);
    const [red, green, blue] = theme.night_rgb.split(" ").map(Number);
    for (let row = 0; row < rows; row += 1) {
      const lat = NORTH_DEG - ((row + 0.5) / rows) * (NORTH_DEG - SOUTH_DEG);
      for (let column = 0; column < SHADE_COLUMNS; column += 1) {
        const sine = sineOfElevation(sun, lat, ((column + 0.5) / SHADE_COLUMNS) * 360 - 180);
        const dark = Math.max(0, Math.min(1, (0.02 - sine) / 0.3)); // full night at 17 degrees below the horizon
        const at = (row * SHADE_COLUMNS + column) * 4;
        image.data.set([red, green, blue, Math.round(235 * dark)], at);
      }
    }
    shade.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.shade, 0, 0, this.width, this.height);
  }

  drawGraticule(context) {
    context.strokeStyle = theme.grid;
    context.lineWidth = 1;
    context.beginPath();
    for (let lon = -150; lon < 180; lon += 30) {
      const x = Math.round(this.x(lon)) + 0.5;
      context.moveTo(x, 0);
      context.lineTo(x, this.height);
    }
    for (let lat = -30; lat < NORTH_DEG; lat += 30) {
      const y = Math.round(this.y(lat)) + 0.5;
      context.moveTo(0, y);
      context.lineTo(this.width, y);
    }
    context.stroke();
    context.fillStyle = theme.faint;
    context.font = font(10);
    context.textBaseline = "bottom";
    context.textAlign = "left";
    for (const lat of [60, 30, 0, -30]) context.fillText(lat === 0 ? "0°" : `${Math.abs(lat)}° ${lat > 0 ? "N" : "S"}`, 5, this.y(lat) - 1);
    for (const lon of [-120, -60, 0, 60, 120]) {
      const text = lon === 0 ? "0°" : `${Math.abs(lon)}° ${lon > 0 ? "E" : "W"}`;
      context.fillText(text, this.x(lon) + 4, this.height - 3);
    }
  }

  drawLand(context, sun) {
    const radius = Math.max(0.7, (this.width / 360) * DOT_STEP_DEG * 0.29);
    for (const lit of [true, false]) {
      context.fillStyle = lit ? theme.land_day : theme.land_night;
      context.beginPath();
      for (const [lat, lon] of dots) {
        if (sineOfElevation(sun, lat, lon) > -0.05 !== lit) continue;
        const [x, y] = [this.x(lon), this.y(lat)];
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fill();
    }
  }

  drawDawnLine(context, sun) {
    context.beginPath();
    for (let lon = -180; lon <= 180; lon += 2) {
      const [x, y] = [this.x(lon), this.y(terminatorLatitude(sun, lon))];
      if (lon === -180) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.strokeStyle = theme.sun;
    context.globalAlpha = 0.16;
    context.lineWidth = 5;
    context.stroke();
    context.globalAlpha = 0.75;
    context.lineWidth = 1.2;
    context.stroke();
    context.globalAlpha = 1;
  }

  drawStation(context, station) {
    const [x, y] = [this.x(station.longitude_deg), this.y(station.latitude_deg)];
    context.strokeStyle = theme.pass;
    context.fillStyle = theme.panel;
    context.lineWidth = 1.3;
    context.beginPath();
    context.moveTo(x, y - 4);
    context.lineTo(x + 3.8, y + 3);
    context.lineTo(x - 3.8, y + 3);
    context.closePath();
    context.fill();
    context.stroke();
    if (this.width < 620) return;
    context.fillStyle = theme.dim;
    context.font = font(11);
    context.textAlign = "center";
    context.textBaseline = "top";
    context.strokeStyle = theme.bg;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeText(station.name, x, y + 5);
    context.fillText(station.name, x, y + 5);
  }

  drawTrail(context, trail, node) {
    context.strokeStyle = theme[modeWords(node.mode).tone] || theme.dim;
    context.lineWidth = 1.4;
    for (let i = 1; i < trail.length; i += 1) {
      const [a, b] = [trail[i - 1], trail[i]];
      if (Math.abs(a[1] - b[1]) > 90) continue;
      context.globalAlpha = 0.55 * (i / trail.length) ** 1.5;
      context.beginPath();
      context.moveTo(this.x(a[1]), this.y(a[0]));
      context.lineTo(this.x(b[1]), this.y(b[0]));
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  drawLinks(context, nodes) {
    const byName = new Map(nodes.map((node) => [node.node, node]));
    const drawn = new Set();
    for (const node of nodes) {
      for (const laser of node.lasers ?? []) {
        const peer = byName.get(laser.peer);
        if (!peer || !placed(node) || !placed(peer)) continue;
        const key = [node.node, peer.node].sort().join(" ");
        if (drawn.has(key)) continue;
        drawn.add(key);
        context.strokeStyle = theme.laser;
        context.lineWidth = laser.state === "TRACK" ? 1.5 : 1;
        context.setLineDash(laser.state === "TRACK" ? [] : [3, 4]);
        this.strokeCircle(context, node, peer);
        context.setLineDash([]);
      }
    }
  }

  strokeCircle(context, from, to) {
    const points = greatCircle([from.latitude_deg, from.longitude_deg], [to.latitude_deg, to.longitude_deg], 32);
    context.beginPath();
    points.forEach(([lat, lon], i) => {
      const [x, y] = [this.x(wrap(lon)), this.y(lat)];
      if (i === 0 || Math.abs(wrap(lon) - wrap(points[i - 1][1])) > 180) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.stroke();
  }

  drawNode(context, node) {
    if (!placed(node)) return;
    const [x, y] = [this.x(node.longitude_deg), Math.max(8, Math.min(this.height - 8, this.y(node.latitude_deg)))];
    const tone = theme[modeWords(node.mode).tone] || theme.dim;
    this.spots.push({ node: node.node, x, y });
    context.beginPath();
    context.arc(x, y, this.hover === node.node ? 7.5 : 5.5, 0, 2 * Math.PI);
    context.fillStyle = node.heard ? tone : theme.panel;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = node.heard ? theme.bg : tone;
    context.stroke();
    if (node.in_contact) {
      context.beginPath();
      context.arc(x, y, 9.5, 0, 2 * Math.PI);
      context.strokeStyle = theme.pass;
      context.lineWidth = 1.2;
      context.stroke();
    }
  }

  /** Write a node's name on the first side where nothing stands; on a full map the later names are left out. */
  drawLabel(context, { node, x, y }) {
    context.font = font(12, 600);
    const wide = context.measureText(node).width + 10;
    const sides = [[x + 12, y - 9], [x - 12 - wide, y - 9], [x - wide / 2, y - 30], [x - wide / 2, y + 12], [x + 8, y - 28], [x + 8, y + 10]];
    const free = sides.map(([left, top]) => ({ left, top, right: left + wide, bottom: top + 18 })).find((box) => this.isFree(box));
    if (free === undefined) return;
    this.taken.push(free);
    const { left, top } = free;
    context.fillStyle = theme.panel;
    context.globalAlpha = 0.82;
    context.beginPath();
    context.roundRect(left, top, wide, 18, 3);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = theme.text;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(node, left + 5, top + 9.5);
  }

  isFree(box) {
    if (box.left < 2 || box.right > this.width - 2 || box.top < 2 || box.bottom > this.height - 2) return false;
    return this.taken.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
  }
}

const placed = (node) => typeof node.latitude_deg === "number" && typeof node.longitude_deg === "number";
