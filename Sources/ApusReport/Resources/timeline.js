// The pipeline timeline: boxes on rows, with zoom and the keyboard.

const gutter = 40;

class TimelinePicture extends Picture {
  constructor(host, timeline, label) {
    const lanes = new Lanes(timeline);
    super(host, label, lanes.height);
    this.lanes = lanes;
    this.from = 0;
    this.to = lanes.end;
    this.pointers = new Map();
    this.scroller = element("div", { class: "scroller", tabindex: "-1" });
    this.axis = element("canvas", { class: "drawing", "aria-hidden": "true" });
    host.insertBefore(this.axis, this.canvas);
    host.insertBefore(this.scroller, this.canvas);
    this.scroller.append(this.canvas);
    this.scroller.addEventListener("scroll", () => this.item && this.placeTip(this.place(this.item)));
    this.listenToGestures();
    this.redraw();
  }

  // Time and place.

  get width() { return Math.max(1, this.canvas.clientWidth - gutter - 2); }
  x(time) { return gutter + ((time - this.from) / (this.to - this.from)) * this.width; }
  time(x) { return this.from + ((x - gutter) / this.width) * (this.to - this.from); }

  /** Shows `from` to `to`, as far as they lie within the step and are not too close. */
  look(from, to) {
    const least = Math.max(20, this.lanes.end / 1e5);
    const span = Math.min(this.lanes.end, Math.max(least, to - from));
    this.from = Math.max(0, Math.min(from, this.lanes.end - span));
    this.to = this.from + span;
    this.redraw();
    if (this.item) this.placeTip(this.place(this.item));
  }

  zoom(factor, around = (this.from + this.to) / 2) {
    this.look(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }

  pan(share) {
    const shift = (this.to - this.from) * share;
    this.look(this.from + shift, this.to + shift);
  }

  reset() { this.look(0, this.lanes.end); }

  get isWhole() { return this.to - this.from >= this.lanes.end * 0.9999; }

  // Gestures: the wheel over a focused picture or with Ctrl, a drag, a pinch.

  listenToGestures() {
    const { canvas, pointers } = this;
    canvas.addEventListener("wheel", (event) => {
      const isMeant = event.ctrlKey || event.metaKey || document.activeElement === canvas;
      const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
      if (isSideways && !this.isWhole) {
        event.preventDefault();
        this.pan((event.deltaX || event.deltaY) / this.width);
      } else if (isMeant && !(this.isWhole && event.deltaY > 0)) {
        event.preventDefault();
        const around = this.time(event.clientX - canvas.getBoundingClientRect().left);
        this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), around);
      }
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, event.clientX);
      canvas.focus({ preventScroll: true });
    });
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
    }
    canvas.addEventListener("dblclick", () => this.item && this.zoomTo(this.item));
  }

  drag(event) {
    if (!this.pointers.has(event.pointerId)) return;
    const left = this.canvas.getBoundingClientRect().left;
    const before = [...this.pointers.values()];
    this.pointers.set(event.pointerId, event.clientX);
    const after = [...this.pointers.values()];
    if (before.length === 1) {
      const shift = this.time(before[0]) - this.time(after[0]);
      this.look(this.from + shift, this.to + shift);
    } else if (before.length === 2) {
      const factor = Math.abs(before[0] - before[1]) / Math.max(8, Math.abs(after[0] - after[1]));
      this.zoom(factor, this.time((after[0] + after[1]) / 2 - left));
    }
  }

  zoomTo({ band, position }) {
    const [start, end] = [band.start(position), band.end(position)];
    this.look(start - (end - start), end + (end - start));
  }

  press(key) {
    const around = this.item ? this.middle(this.item) : undefined;
    switch (key) {
      case "+": case "=": this.zoom(0.6, around); return true;
      case "-": case "_": this.zoom(1 / 0.6, around); return true;
      case "0": case "r": this.reset(); return true;
      case "PageUp": this.pan(-0.8); return true;
      case "PageDown": this.pan(0.8); return true;
      case "Enter": if (this.item) this.zoomTo(this.item); return true;
      default: return super.press(key);
    }
  }

  // Items are boxes: a band and a position in it.

  middle({ band, position }) { return (band.start(position) + band.end(position)) / 2; }

  hit(x, y) {
    const band = this.lanes.bands.find((one) => y >= one.y - 1 && y < one.y + one.height + 1);
    if (!band || x < gutter) return null;
    const time = this.time(x);
    const position = band.nearest(time);
    const reach = 3 * ((this.to - this.from) / this.width);
    const isHit = time >= band.start(position) - reach && time <= band.end(position) + reach;
    return isHit ? { band, position } : null;
  }

  place({ band, position }) {
    const start = Math.max(gutter, Math.min(this.x(band.start(position)), gutter + this.width));
    const end = Math.max(gutter, Math.min(this.x(band.end(position)), gutter + this.width));
    return { x: start, y: band.y, width: Math.max(2, end - start), height: band.height };
  }

  describe(item) { return this.lanes.describe(item); }

  move(item, key) {
    const { bands } = this.lanes;
    if (bands.length === 0) return null;
    if (item === null) return { band: bands[0], position: bands[0].nearest(this.from) };
    const { band, position } = item;
    const last = band.events.length - 1;
    if (key === "Home") return { band, position: 0 };
    if (key === "End") return { band, position: last };
    if (key === "ArrowLeft") return { band, position: Math.max(0, position - 1) };
    if (key === "ArrowRight") return { band, position: Math.min(last, position + 1) };
    const row = bands.indexOf(band) + (key === "ArrowUp" ? -1 : 1);
    const other = bands[Math.max(0, Math.min(bands.length - 1, row))];
    return { band: other, position: other.nearest(this.middle(item)) };
  }

  reveal(item) {
    const [start, end] = [item.band.start(item.position), item.band.end(item.position)];
    const span = this.to - this.from;
    if (end < this.from || start > this.to) {
      this.look((start + end - span) / 2, (start + end + span) / 2);
    }
    const { scroller } = this;
    if (item.band.y < scroller.scrollTop) scroller.scrollTop = item.band.y - 24;
    const bottom = item.band.y + item.band.height + 8;
    if (bottom > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = bottom - scroller.clientHeight;
    }
  }

  // Drawing.

  draw(context, width, height, color) {
    if (!this.lanes) return;
    this.drawAxis(color);
    context.strokeStyle = color.line;
    context.lineWidth = 1;
    for (const tick of this.ticks()) {
      const x = Math.round(this.x(tick)) + 0.5;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, height);
      context.stroke();
    }
    context.textAlign = "left";
    context.font = "600 11px system-ui, sans-serif";
    for (const heading of this.lanes.headings) {
      context.fillStyle = color.card;
      context.fillRect(0, heading.y - 8, context.measureText(heading.text).width + 4, 16);
      context.fillStyle = color.ink;
      context.fillText(heading.text, 0, heading.y);
    }
    context.font = "11px system-ui, sans-serif";
    for (const band of this.lanes.bands) this.drawBand(context, band, color);
    if (this.item) outline(context, this.place(this.item), color.ink, color.card);
  }

  ticks() {
    const { tick } = this.lanes.timeline;
    return ticksUpTo(this.to * tick, Math.max(2, this.width / 120), this.from * tick)
      .map((seconds) => seconds / tick);
  }

  drawBand(context, band, color) {
    if (!band.isTransfer) {
      context.fillStyle = color.soft;
      const name = band.lane.origin === "predicted" ? "plan" : band.lane.name.replace("rank ", "r");
      context.fillText(name, 0, band.y + band.height / 2, gutter - 5);
    }
    context.fillStyle = color.shade;
    context.fillRect(gutter, band.y, this.width, band.height);
    let drawnTo = -1;
    for (let position = band.firstAfter(this.from); position < band.events.length; position += 1) {
      if (band.start(position) > this.to) break;
      const box = this.place({ band, position });
      const end = box.x + box.width;
      // Boxes too narrow to be seen are drawn once for each half of a pixel.
      if (end < drawnTo + 0.5) continue;
      drawnTo = end;
      const kind = this.lanes.kind(band.stage, band.events[position]);
      context.fillStyle = patternFill(context, kind, color);
      const gap = box.width > 3 ? 0.6 : 0;
      context.fillRect(box.x, box.y, Math.max(0.8, box.width - gap), box.height);
      if (box.width > 26 && box.height > 12) this.drawLabel(context, band, position, box, color);
    }
  }

  drawLabel(context, band, position, box, color) {
    const event = band.events[position];
    const label = this.lanes.label(band.stage, event);
    const words = label.split(" ");
    const fitting = [label, words.slice(0, 2).join(" "), words[0]]
      .find((text) => context.measureText(text).width < box.width - 8);
    if (!fitting) return;
    const size = context.measureText(fitting).width;
    context.fillStyle = color.card;
    context.globalAlpha = 0.85;
    context.fillRect(box.x + 3, box.y + 2, size + 4, box.height - 4);
    context.globalAlpha = 1;
    context.fillStyle = color.ink;
    context.fillText(fitting, box.x + 5, box.y + box.height / 2);
  }

  drawAxis(color) {
    const ratio = Math.max(1, devicePixelRatio || 1);
    const width = this.canvas.clientWidth;
    this.axis.width = Math.round(width * ratio);
    this.axis.height = Math.round(18 * ratio);
    this.axis.style.height = "18px";
    this.axis.style.width = `${width}px`;
    const context = this.axis.getContext("2d");
    context.scale(ratio, ratio);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = color.soft;
    context.textBaseline = "middle";
    context.textAlign = "center";
    for (const tick of this.ticks()) {
      const text = axisText(tick * this.lanes.timeline.tick, "seconds");
      const half = context.measureText(text).width / 2;
      const x = this.x(tick);
      context.fillText(text, Math.min(Math.max(x, gutter + half - 4), width - half), 9);
    }
  }
}
