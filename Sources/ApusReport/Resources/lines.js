// Values along a line: memory over a step, loss over a run.

/**
 * A chart of one or more series over the same axis.
 *
 * `chart` has `series` (name, origin, x, y), `unit` and `xUnit`, and may have `limit` (a line
 * across), `held` (a value holds until the next) and `top` (the end of the axis).
 */
class LineChart extends Picture {
  constructor(host, label, chart, height = 170) {
    super(host, label, height);
    this.chart = chart;
    const all = chart.series;
    this.columns = [...new Set(all.flatMap((one) => one.x))].sort((a, b) => a - b);
    this.start = this.columns[0] ?? 0;
    this.end = Math.max(this.columns[this.columns.length - 1] ?? 1, this.start + 1e-12);
    const highest = Math.max(0, ...all.flatMap((one) => one.y));
    this.top = (chart.top ?? highest * 1.08) || 1;
    this.redraw();
  }

  get left() { return 52; }
  x(value, width) {
    return this.left + ((value - this.start) / (this.end - this.start)) * (width - this.left - 10);
  }
  y(value, height) { return height - 22 - (value / this.top) * (height - 32); }

  draw(context, width, height, color) {
    const { chart } = this;
    context.strokeStyle = color.line;
    context.fillStyle = color.soft;
    context.lineWidth = 1;
    context.textAlign = "right";
    for (const tick of ticksUpTo(this.top, 5)) {
      const y = Math.round(this.y(tick, height)) + 0.5;
      context.beginPath();
      context.moveTo(this.left, y);
      context.lineTo(width - 10, y);
      context.stroke();
      context.fillText(axisText(tick, chart.unit), this.left - 6, y);
    }
    context.textAlign = "center";
    for (const tick of ticksUpTo(this.end, Math.max(2, width / 110), this.start)) {
      const text = axisText(tick, chart.xUnit);
      const half = context.measureText(text).width / 2;
      const x = Math.min(Math.max(this.x(tick, width), this.left), width - half - 1);
      context.fillText(text, x, height - 9);
    }
    if (chart.limit && chart.limit <= this.top) this.drawLimit(context, width, height, color);
    for (const series of chart.series) this.drawSeries(context, series, width, height, color);
    if (this.item !== null) this.drawCursor(context, width, height, color);
  }

  drawLimit(context, width, height, color) {
    const y = this.y(this.chart.limit, height);
    context.strokeStyle = color.bad;
    context.fillStyle = color.bad;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(this.left, y);
    context.lineTo(width - 10, y);
    context.stroke();
    context.setLineDash([]);
    context.textAlign = "right";
    context.fillText(`GPU has ${bytesText(this.chart.limit)}`, width - 12, y + 9);
  }

  /** Predictions are dashed, measurements whole. */
  drawSeries(context, series, width, height, color) {
    context.strokeStyle = color[series.origin];
    context.lineWidth = series.origin === "measured" ? 1.5 : 2;
    context.setLineDash(series.origin === "measured" ? [] : [5, 3]);
    context.beginPath();
    series.x.forEach((value, index) => {
      const [x, y] = [this.x(value, width), this.y(series.y[index], height)];
      if (index === 0) context.moveTo(x, y);
      if (this.chart.held && index > 0) context.lineTo(x, this.y(series.y[index - 1], height));
      context.lineTo(x, y);
    });
    context.stroke();
    context.setLineDash([]);
    if (series.x.length > 40 || this.chart.held) return;
    context.fillStyle = color[series.origin];
    series.x.forEach((value, index) => {
      context.beginPath();
      context.arc(this.x(value, width), this.y(series.y[index], height), 2.2, 0, 7);
      context.fill();
    });
  }

  drawCursor(context, width, height, color) {
    const at = this.columns[this.item];
    const x = this.x(at, width);
    context.strokeStyle = color.soft;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, 6);
    context.lineTo(x, height - 22);
    context.stroke();
    for (const series of this.chart.series) {
      const value = this.value(series, at);
      if (value === null) continue;
      context.fillStyle = color[series.origin];
      context.beginPath();
      context.arc(x, this.y(value, height), 3.5, 0, 7);
      context.fill();
    }
  }

  /** What a series says at a place: the last value at or before it, or none. */
  value(series, at) {
    let low = 0;
    let high = series.x.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (series.x[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : series.y[low - 1];
  }

  hit(x) {
    const width = this.canvas.clientWidth;
    if (x < this.left - 6 || this.columns.length === 0) return null;
    const share = (x - this.left) / (width - this.left - 10);
    const at = this.start + share * (this.end - this.start);
    let best = 0;
    this.columns.forEach((value, index) => {
      if (Math.abs(value - at) < Math.abs(this.columns[best] - at)) best = index;
    });
    return best;
  }

  place(item) {
    const x = this.x(this.columns[item], this.canvas.clientWidth);
    return { x: x + 8, y: 0, width: 0, height: this.canvas.clientHeight - 16 };
  }

  describe(item) {
    const at = this.columns[item];
    const pairs = this.chart.series.map((series) => {
      const value = this.value(series, at);
      return [series.name, value === null ? "–" : valueText[this.chart.unit](value)];
    });
    return { title: `${this.chart.xName} ${valueText[this.chart.xUnit](at)}`, pairs };
  }

  move(item, key) {
    const last = this.columns.length - 1;
    if (item === null || key === "Home") return 0;
    if (key === "End") return last;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -10, ArrowUp: 10 }[key];
    return Math.max(0, Math.min(last, item + step));
  }
}
