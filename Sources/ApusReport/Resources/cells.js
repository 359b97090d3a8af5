// Matrices as cells of more or less ink: who sends to whom, which expert is busy.

/** A colour between two of the form `#rrggbb`. */
function mixed(from, to, share) {
  const part = (text, index) => parseInt(text.slice(1 + 2 * index, 3 + 2 * index), 16);
  const parts = [0, 1, 2].map((index) =>
    Math.round(part(from, index) + (part(to, index) - part(from, index)) * share));
  return `rgb(${parts.join(" ")})`;
}

class CellChart extends Picture {
  constructor(host, label, matrix) {
    super(host, label, (width) => this.layout(width).height);
    this.matrix = matrix;
    this.redraw();
  }

  set(matrix) {
    this.matrix = matrix;
    this.redraw();
    if (this.item) this.show(this.item);
  }

  get unit() { return this.matrix.unit === "count" ? "number" : this.matrix.unit; }
  get most() { return Math.max(0, ...this.matrix.values.map((row) => Math.max(0, ...row))); }

  layout(width) {
    const { rows, columns } = this.matrix;
    const longest = Math.max(...rows.map((name) => name.length), 4);
    const left = Math.min(96, 12 + longest * 6.2);
    const cell = Math.min(52, (width - left - 4) / columns.length);
    const tall = Math.max(5, Math.min(rows.length > 24 ? 14 : 26, cell * 0.8 + 4));
    return { left, top: 36, cell, tall, height: 36 + tall * rows.length + 42 };
  }

  /** A colour between the ground and the darkest, so that more is always more ink. */
  shade(value, color) {
    return mixed(color.shade, color.high, this.most > 0 ? value / this.most : 0);
  }

  draw(context, width, height, color) {
    const { rows, columns, values, rowName, columnName } = this.matrix;
    const { left, top, cell, tall } = this.layout(width);
    context.fillStyle = color.soft;
    context.textAlign = "left";
    context.fillText(`${rowName} ↓   ${columnName} →`, 0, 8);
    this.drawNames(context, color);
    const hasRoom = cell >= 40 && tall >= 15;
    values.forEach((row, r) => row.forEach((value, c) => {
      context.fillStyle = this.shade(value, color);
      const inset = cell > 8 ? 1 : 0.25;
      context.fillRect(left + c * cell, top + r * tall, cell - inset, tall - inset);
      if (!hasRoom || value < this.most / 200) return;
      context.fillStyle = value > this.most / 2 ? color.page : color.ink;
      context.textAlign = "center";
      context.fillText(
        axisText(value, this.unit).replace(" ", "\u2009"), left + (c + 0.5) * cell,
        top + (r + 0.5) * tall);
    }));
    this.drawScale(context, left, top + tall * rows.length + 14, color);
    if (this.item) outline(context, this.place(this.item), color.focus, color.card);
  }

  drawNames(context, color) {
    const { rows, columns } = this.matrix;
    const { left, top, cell, tall } = this.layout(this.canvas.clientWidth);
    context.fillStyle = color.soft;
    context.textAlign = "right";
    const everyRow = Math.ceil(11 / tall);
    rows.forEach((name, r) => {
      if (r % everyRow === 0) context.fillText(name, left - 6, top + (r + 0.5) * tall);
    });
    context.textAlign = "center";
    const widest = Math.max(...columns.map((name) => context.measureText(name).width)) + 6;
    const everyColumn = Math.ceil(widest / cell);
    columns.forEach((name, c) => {
      if (c % everyColumn === 0) context.fillText(name, left + (c + 0.5) * cell, top - 10);
    });
  }

  drawScale(context, left, y, color) {
    const steps = 24;
    for (let step = 0; step < steps; step += 1) {
      context.fillStyle = this.shade((this.most * step) / (steps - 1), color);
      context.fillRect(left + step * 6, y, 6, 10);
    }
    context.fillStyle = color.soft;
    context.textAlign = "left";
    context.fillText("0", left, y + 19);
    context.textAlign = "right";
    context.fillText(axisText(this.most, this.unit), left + steps * 6, y + 19);
  }

  hit(x, y) {
    const { left, top, cell, tall } = this.layout(this.canvas.clientWidth);
    const [r, c] = [Math.floor((y - top) / tall), Math.floor((x - left) / cell)];
    const isInside = this.matrix.rows[r] !== undefined && this.matrix.columns[c] !== undefined;
    return isInside ? { r, c } : null;
  }

  place({ r, c }) {
    const { left, top, cell, tall } = this.layout(this.canvas.clientWidth);
    return { x: left + c * cell, y: top + r * tall, width: cell, height: tall };
  }

  describe({ r, c }) {
    const { rows, columns, values, rowName, columnName, unit } = this.matrix;
    const name = unit === "bytes" ? "sent" : unit === "times" ? "load" : unit;
    return {
      title: `${rowName} ${rows[r]}, ${columnName} ${columns[c]}`,
      pairs: [[name, valueText[this.unit](values[r][c])]],
    };
  }

  move(item, key) {
    const [lastRow, lastColumn] = [this.matrix.rows.length - 1, this.matrix.columns.length - 1];
    if (item === null) return { r: 0, c: 0 };
    const { r, c } = item;
    switch (key) {
      case "Home": return { r, c: 0 };
      case "End": return { r, c: lastColumn };
      case "ArrowLeft": return { r, c: Math.max(0, c - 1) };
      case "ArrowRight": return { r, c: Math.min(lastColumn, c + 1) };
      case "ArrowUp": return { r: Math.max(0, r - 1), c };
      default: return { r: Math.min(lastRow, r + 1), c };
    }
  }
}
