// Plans by memory and throughput: which ones no other plan beats.

class ScatterChart extends Picture {
  constructor(host, label, search) {
    super(host, label, 280);
    this.limit = search.memoryLimit ?? null;
    this.plans = search.strategies.map((plan) => ({
      ...plan, x: plan.memoryPeak, y: plan.tokensPerSecondPerGPU ?? 1 / plan.stepTime,
    }));
    this.plans.sort((a, b) => a.x - b.x);
    this.unit = search.strategies.every((plan) => plan.tokensPerSecondPerGPU) ? "tokens" : "steps";
    this.endX = 1.08 * Math.max(...this.plans.map((plan) => plan.x));
    this.endY = 1.12 * Math.max(...this.plans.map((plan) => plan.y));
    this.redraw();
  }

  x(value, width) { return 58 + (value / this.endX) * (width - 72); }
  y(value, height) { return height - 40 - (value / this.endY) * (height - 62); }

  draw(context, width, height, color) {
    this.drawAxes(context, width, height, color);
    for (const plan of this.plans) {
      const [x, y] = [this.x(plan.x, width), this.y(plan.y, height)];
      context.strokeStyle = plan.isOwn ? color.measured : color.accent;
      context.fillStyle = plan.isPareto || plan.isOwn ? context.strokeStyle : "transparent";
      context.lineWidth = 1.5;
      context.beginPath();
      if (plan.isOwn) context.rect(x - 5, y - 5, 10, 10);
      else context.arc(x, y, plan.isPareto ? 5 : 3.5, 0, 7);
      context.fill();
      context.stroke();
    }
    if (this.item !== null) outline(context, this.place(this.item), color.focus, color.card);
  }

  drawAxes(context, width, height, color) {
    context.strokeStyle = color.line;
    context.fillStyle = color.soft;
    context.lineWidth = 1;
    context.textAlign = "right";
    for (const tick of ticksUpTo(this.endY, 5)) {
      const y = Math.round(this.y(tick, height)) + 0.5;
      context.beginPath();
      context.moveTo(58, y);
      context.lineTo(width - 14, y);
      context.stroke();
      context.fillText(axisText(tick, "number"), 52, y);
    }
    context.textAlign = "center";
    for (const tick of ticksUpTo(this.endX, Math.max(2, width / 120))) {
      const x = Math.min(this.x(tick, width), width - 26);
      context.fillText(axisText(tick, "bytes"), x, height - 27);
    }
    context.textAlign = "left";
    context.fillText(`${this.unit}/s${this.unit === "tokens" ? "/GPU" : ""} ↑`, 4, 8);
    context.textAlign = "right";
    context.fillText("memory on the fullest rank →", width - 14, height - 9);
    if (this.limit === null || this.limit > this.endX) return;
    const x = this.x(this.limit, width);
    context.strokeStyle = color.bad;
    context.fillStyle = color.bad;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(x, 20);
    context.lineTo(x, height - 40);
    context.stroke();
    context.setLineDash([]);
    context.fillText("GPU has", x - 5, 26);
  }

  hit(x, y) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const distances = this.plans.map((plan) =>
      Math.hypot(this.x(plan.x, width) - x, this.y(plan.y, height) - y));
    const nearest = distances.indexOf(Math.min(...distances));
    return distances[nearest] < 24 ? nearest : null;
  }

  place(item) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const plan = this.plans[item];
    const [x, y] = [this.x(plan.x, width), this.y(plan.y, height)];
    return { x: x - 8, y: y - 8, width: 16, height: 16 };
  }

  describe(item) {
    const plan = this.plans[item];
    const pairs = [["step time", secondsText(plan.stepTime)], ["memory", bytesText(plan.x)]];
    if (plan.tokensPerSecondPerGPU) pairs.push(["tokens/s/GPU", numberText(plan.y)]);
    if (plan.timeToFirstToken) pairs.push(["first token", secondsText(plan.timeToFirstToken)]);
    pairs.push(["Pareto front", plan.isPareto ? "on it" : "beaten by another plan"]);
    return { title: plan.name + (plan.isOwn ? " (own plan)" : ""), pairs };
  }

  move(item, key) {
    const last = this.plans.length - 1;
    if (item === null || key === "Home") return 0;
    if (key === "End") return last;
    const step = key === "ArrowLeft" || key === "ArrowDown" ? -1 : 1;
    return Math.max(0, Math.min(last, item + step));
  }
}
