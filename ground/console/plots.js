// One line plot of the strip: uPlot with our axes, on a window of time that the strip sets.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { font, theme } from "./theme.js";

export const AXIS_PX = 44;

/** A plot of several series over one window of time. */
export class Plot {
  /**
   * @param {Element} parent
   * @param {{series: {key: string, color: string, fill?: number, width?: number, dash?: number[]}[],
   *          range: (low: number, high: number) => [number, number], tick: (value: number) => string,
   *          floor?: () => number|null}} spec
   *   `color` names a colour of the palette; `fill` is the alpha of the area under the line.
   */
  constructor(parent, spec) {
    this.spec = spec;
    this.window = { start_s: 0, end_s: 1 };
    this.bounds = [0, 1];
    this.plot = new uPlot(this.options(), [[0], ...spec.series.map(() => [null])], parent);
  }

  options() {
    return {
      width: 300,
      height: 100,
      padding: [6, 0, 6, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [this.window.start_s, this.window.end_s] },
        y: { range: () => this.bounds },
      },
      axes: [
        { show: false },
        {
          size: AXIS_PX,
          gap: 6,
          space: 28,
          font: font(11),
          stroke: () => theme.dim,
          grid: { stroke: () => theme.grid, width: 1 },
          ticks: { show: false },
          values: (_plot, splits) => splits.map(this.spec.tick),
        },
      ],
      series: [{}, ...this.spec.series.map((series) => this.seriesOptions(series))],
      hooks: { draw: [(plot) => this.drawFloor(plot)] },
    };
  }

  seriesOptions({ color, fill, width, dash }) {
    return {
      stroke: () => theme[color],
      width: width ?? 1.6,
      dash,
      fill: fill ? () => `color-mix(in srgb, ${theme[color]} ${Math.round(fill * 100)}%, transparent)` : undefined,
      spanGaps: false,
      points: { show: false },
    };
  }

  drawFloor(plot) {
    const floor = this.spec.floor?.() ?? null;
    if (floor === null) return;
    const context = plot.ctx;
    const y = plot.valToPos(floor, "y", true);
    context.save();
    context.strokeStyle = theme.bad;
    context.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    context.lineWidth = devicePixelRatio;
    context.beginPath();
    context.moveTo(plot.bbox.left, y);
    context.lineTo(plot.bbox.left + plot.bbox.width, y);
    context.stroke();
    context.restore();
  }

  /** Show these series (arrays of seconds, then of values) in this window. */
  show(times_s, columns, window) {
    this.window = window;
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < times_s.length; i += 1) {
      if (times_s[i] < window.start_s) continue;
      for (const column of columns) {
        const value = column[i];
        if (value === null || value === undefined) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    this.bounds = this.spec.range(low === Infinity ? null : low, high === -Infinity ? null : high);
    this.plot.setData([times_s, ...columns]);
  }

  resize(width, height) {
    if (this.plot.width !== width || this.plot.height !== height) this.plot.setSize({ width, height });
  }

  repaint() {
    this.plot.redraw(false, true);
  }

  destroy() {
    this.plot.destroy();
  }
}
