// The timeline's data: from columns to boxes on rows.

const kindColors = {
  "forward": "forward", "recompute": "recompute", "backward": "backward",
  "weight gradient": "weight", "optimizer": "optimizer", "wait": "wait",
  "expert transfer": "expert", "stage transfer": "stage", "tensor transfer": "slice",
  "gradient reduction": "reduction", "other": "other",
};

/** What tells kinds apart where colours do not. */
const kindPatterns = {
  "recompute": "dots", "backward": "stripes", "weight gradient": "bars", "wait": "hatch",
  "stage transfer": "stripes", "tensor transfer": "dots", "gradient reduction": "bars",
};

/** Computation of a lane or its transfers: one row of boxes, in order of time. */
class Band {
  constructor(timeline, stage, lane, isTransfer) {
    this.stage = stage;
    this.lane = lane;
    this.isTransfer = isTransfer;
    this.events = [];
    stage.label.forEach((_, index) => {
      if (timeline.kinds[stage.kind[index]].transfer !== isTransfer) return;
      // What takes no time has no box, but for a picture of what was planned it may have bytes.
      if (lane.start[index] >= 0 && lane.length[index] > 0) this.events.push(index);
    });
    this.events.sort((a, b) => lane.start[a] - lane.start[b] || a - b);
  }

  start(position) { return this.lane.start[this.events[position]]; }
  end(position) {
    const event = this.events[position];
    return this.lane.start[event] + this.lane.length[event];
  }

  /** The first position whose box ends after `time`. */
  firstAfter(time) {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start(middle) <= time) low = middle + 1;
      else high = middle;
    }
    while (low > 0 && this.end(low - 1) > time) low -= 1;
    return low;
  }

  /** The position whose box is at `time` or nearest to it. */
  nearest(time) {
    const first = Math.min(this.firstAfter(time), this.events.length - 1);
    const before = Math.max(0, first - 1);
    const distance = (position) =>
      Math.max(this.start(position) - time, time - this.end(position), 0);
    return distance(before) < distance(first) ? before : first;
  }
}

/** All bands of a timeline with their places from the top. */
class Lanes {
  constructor(timeline) {
    this.timeline = timeline;
    this.bands = [];
    this.headings = [];
    let y = 4;
    for (const stage of timeline.stages) {
      this.headings.push({ text: stage.name, y: y + 8 });
      y += 19;
      for (const lane of stage.lanes) {
        const isPredicted = lane.origin === "predicted";
        const heights = isPredicted ? [22, 8] : [16, 6];
        for (const isTransfer of [false, true]) {
          const band = new Band(timeline, stage, lane, isTransfer);
          if (band.events.length === 0) continue;
          band.y = y;
          band.height = heights[isTransfer ? 1 : 0];
          y += band.height + 1;
          this.bands.push(band);
        }
        y += 3;
      }
      y += 9;
    }
    this.height = y;
    this.end = Math.round(timeline.end / timeline.tick);
  }

  label(stage, event) { return this.timeline.labels[stage.label[event]]; }
  kind(stage, event) { return this.timeline.kinds[stage.kind[event]].name; }

  /** What the tip says of an instruction: what was planned, predicted and seen. */
  describe({ band, position }) {
    const { stage, lane } = band;
    const event = band.events[position];
    const { tick } = this.timeline;
    const pairs = [["where", `${stage.name}, ${lane.name}`], ["kind", this.kind(stage, event)]];
    const count = stage.count[event] ?? 1;
    if (count > 1) pairs.push(["stands for", `${count} instructions`]);
    if (stage.batch[event] >= 0) pairs.push(["micro-batch", String(stage.batch[event])]);
    if (stage.layer[event] >= 0) pairs.push(["layer", String(stage.layer[event])]);
    const planned = stage.bytes[event];
    const actual = lane.bytes[event] ?? -1;
    if (planned >= 0) pairs.push(["planned", bytesText(planned)]);
    if (actual >= 0) pairs.push(["actual", bytesText(actual)]);
    const times = (of) =>
      `${secondsText(of.length[event] * tick)} from ${secondsText(of.start[event] * tick)}`;
    const predicted = stage.lanes.find((other) => other.origin === "predicted");
    const known = predicted && predicted.start[event] >= 0;
    pairs.push(["predicted", known ? times(predicted) : "no"]);
    if (lane.origin === "measured") {
      pairs.push(["measured", times(lane)]);
      if (known && predicted.length[event] > 0 && lane.length[event] > 0) {
        const ratio = lane.length[event] / predicted.length[event];
        pairs.push(["took", `${significant(ratio)} × the prediction`]);
      }
    } else {
      pairs.push(...this.measuredOf(stage, event));
    }
    return { title: this.label(stage, event), pairs };
  }

  /** The measured times of a predicted instruction: its shortest and longest over the ranks. */
  measuredOf(stage, event) {
    const lengths = stage.lanes
      .filter((lane) => lane.origin === "measured" && lane.start[event] >= 0)
      .map((lane) => lane.length[event] * this.timeline.tick);
    if (lengths.length === 0) return [["measured", "no"]];
    const [least, most] = [Math.min(...lengths), Math.max(...lengths)];
    const text = secondsText(least) === secondsText(most)
      ? secondsText(most) : `${secondsText(least)} to ${secondsText(most)}`;
    return [["measured", `${text} on ${lengths.length} ranks`]];
  }
}

const patternCache = new Map();

/** A fill of a colour with its kind's pattern in another. */
function patternFill(context, kind, color) {
  const main = color[kindColors[kind]];
  const pattern = kindPatterns[kind];
  if (!pattern) return main;
  const key = `${main} ${pattern} ${color.card}`;
  if (!patternCache.has(key)) patternCache.set(key, patternTile(pattern, main, color.card));
  return context.createPattern(patternCache.get(key), "repeat");
}

function patternTile(pattern, main, ground) {
  const tile = element("canvas", { width: 8, height: 8 });
  const context = tile.getContext("2d");
  context.fillStyle = pattern === "hatch" ? ground : main;
  context.fillRect(0, 0, 8, 8);
  context.strokeStyle = pattern === "hatch" ? main : ground;
  context.fillStyle = ground;
  context.globalAlpha = pattern === "hatch" ? 0.9 : 0.45;
  context.lineWidth = pattern === "hatch" ? 1.5 : 1.2;
  if (pattern === "dots") {
    context.fillRect(1, 1, 2, 2);
    context.fillRect(5, 5, 2, 2);
  } else if (pattern === "bars") {
    context.fillRect(0, 3, 8, 1.5);
  } else {
    context.beginPath();
    for (const shift of [-8, 0, 8]) {
      context.moveTo(shift, 8);
      context.lineTo(shift + 8, 0);
    }
    context.stroke();
  }
  return tile;
}
