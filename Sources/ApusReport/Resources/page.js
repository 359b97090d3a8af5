// Puts the pictures into the page and gives its buttons their meaning.

const data = JSON.parse(document.getElementById("data").textContent);

function frame(host, title) {
  const made = element("div", { class: "frame" });
  if (title) made.append(element("h3", {}, title));
  host.append(made);
  return made;
}

function button(text, label, action) {
  const made = element("button", { type: "button", "aria-label": label, title: label }, text);
  made.addEventListener("click", action);
  return made;
}

function kindsIn(timeline) {
  const used = new Set(timeline.stages.flatMap((stage) => stage.kind));
  return timeline.kinds.filter((_, index) => used.has(index));
}

/** The legend is drawn by what draws the boxes, so that the patterns agree. */
function legend(timeline) {
  const list = element("ul", { class: "legend", "aria-label": "Kinds of instruction" });
  for (const kind of kindsIn(timeline)) {
    const swatch = element("canvas", {
      class: "swatch", width: 32, height: 24, "aria-hidden": "true",
    });
    const redraw = () => {
      const context = swatch.getContext("2d");
      context.setTransform(2, 0, 0, 2, 0, 0);
      context.fillStyle = patternFill(context, kind.name, colors());
      context.fillRect(0, 0, 16, 12);
    };
    redraw();
    pictures.add({ redraw });
    list.append(element("li", {}, swatch, kind.name));
  }
  return list;
}

const painters = {
  timeline(host, index) {
    const { timeline, sequenceLength } = data.lengths[index];
    const box = frame(host);
    box.classList.add("timeline");
    const tools = element("div", { class: "tools", role: "group", "aria-label": "Zoom" });
    box.append(tools);
    const helpId = `timeline-help-${index}`;
    const picture = new TimelinePicture(
      box, timeline, `Pipeline timeline for sequences of ${sequenceLength} tokens`);
    picture.canvas.setAttribute("aria-describedby", helpId);
    tools.append(
      button("+", "Zoom in", () => picture.zoom(0.6)),
      button("−", "Zoom out", () => picture.zoom(1 / 0.6)),
      button("◀", "Earlier", () => picture.pan(-0.5)),
      button("▶", "Later", () => picture.pan(0.5)),
      button("Reset", "Show the whole step", () => picture.reset()),
      element(
        "span", { class: "help", id: helpId },
        "Drag to move, pinch or click and turn the wheel to zoom. Keys: arrows, + − 0, Enter."));
    box.append(legend(timeline));
  },

  memory(host, index) {
    const { memory } = data.lengths[index];
    host.classList.add("multiples");
    const peak = Math.max(...memory.stages.flatMap((one) => one.series.flatMap((s) => s.y)));
    const isNear = memory.limit && memory.limit < peak * 2.5;
    const top = 1.08 * (isNear ? Math.max(peak, memory.limit) : peak);
    for (const stage of memory.stages) {
      const chart = {
        series: stage.series, unit: "bytes", xUnit: "seconds", xName: "at", held: true, top,
        limit: memory.limit,
      };
      new LineChart(frame(host, stage.name), `Memory of ${stage.name} over the step`, chart);
    }
    host.after(originLegend(memory.stages.flatMap((stage) => stage.series)));
  },

  communication(host, index) {
    const { communication } = data.lengths[index];
    const label = `Bytes from each ${communication.rowName} to each ${communication.columnName}`;
    new CellChart(frame(host), label, communication);
  },

  run(host) {
    host.classList.add("multiples");
    for (const chart of data.run.charts) {
      const shown = { series: [chart.series], unit: chart.unit, xUnit: "count", xName: "step" };
      new LineChart(frame(host, chart.series.name), `${chart.series.name} by step`, shown, 200);
    }
  },

  experts(host) {
    const { frames } = data.experts;
    const box = frame(host);
    const last = frames.length - 1;
    const matrix = (index) => ({ ...frames[index].load, unit: "times" });
    const tools = element("div", { class: "tools" });
    box.append(tools);
    const picture = new CellChart(box, "Load of each expert in each layer", matrix(last));
    if (last === 0) return;
    const text = element("output", {}, `step ${frames[last].step}`);
    const slider = element("input", { type: "range", min: 0, max: last, value: last });
    slider.addEventListener("input", () => {
      text.textContent = `step ${frames[slider.value].step}`;
      picture.set(matrix(Number(slider.value)));
    });
    tools.append(element("label", {}, "Expert load at", slider, text));
  },

  search(host) {
    new ScatterChart(frame(host), "Plans by memory and throughput", data.search);
  },
};

function originLegend(series) {
  const list = element("ul", { class: "legend" });
  const marks = { predicted: "┄┄ predicted", measured: "── measured" };
  for (const [origin, text] of Object.entries(marks)) {
    if (!series.some((one) => one.origin === origin)) continue;
    list.append(element("li", { style: `color: var(--${origin})` }, text));
  }
  return list;
}

function paint(host) {
  if (host.dataset.painted) return;
  host.dataset.painted = "yes";
  host.replaceChildren();
  painters[host.dataset.picture](host, Number(host.dataset.index));
}

function choose(index) {
  document.querySelectorAll("[data-length]").forEach((part) => {
    part.hidden = Number(part.dataset.length) !== index;
    if (!part.hidden) part.querySelectorAll("[data-picture]").forEach(paint);
  });
  document.querySelectorAll("[data-choose]").forEach((one) => {
    one.setAttribute("aria-pressed", String(Number(one.dataset.choose) === index));
  });
  document.querySelectorAll(".contents a").forEach((link) => {
    const name = link.getAttribute("href");
    if (/-\d+$/.test(name)) link.setAttribute("href", name.replace(/\d+$/, String(index)));
  });
}

const themes = { auto: ["Auto", "as the system"], light: ["Light", "light"], dark: ["Dark", "dark"] };

function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  const toggle = document.getElementById("theme");
  toggle.querySelector(".word").textContent = themes[name][0];
  toggle.setAttribute("aria-label", `Colours: ${themes[name][1]}`);
  redrawAll();
}

function start() {
  const toggle = document.getElementById("theme");
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const names = Object.keys(themes);
    const now = document.documentElement.dataset.theme ?? "auto";
    setTheme(names[(names.indexOf(now) + 1) % names.length]);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
  document.querySelectorAll("[data-choose]").forEach((one) => {
    one.addEventListener("click", () => choose(Number(one.dataset.choose)));
  });
  const chosen = document.querySelector("[data-choose][aria-pressed=true]");
  choose(chosen ? Number(chosen.dataset.choose) : 0);
  document.querySelectorAll("[data-picture]").forEach((host) => {
    if (!host.closest("[data-length]")) paint(host);
  });
  document.documentElement.dataset.ready = "yes";
}

start();
