// What all pictures share: a canvas that keeps sharp, a tip, and the keyboard.

/** The colours of the page as it is shown now. */
function colors() {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${name}`).trim() });
}

const pictures = new Set();

function redrawAll() {
  for (const picture of pictures) picture.redraw();
}

/**
 * A canvas with a tip.
 *
 * A subclass gives `draw(context, width, height, colors)`, `hit(x, y)` (what is there, or null),
 * `place(item)` (its rectangle), `describe(item)` (a title and pairs of words) and `move(item,
 * key)` (the item to go to).
 */
class Picture {
  constructor(host, label, height) {
    this.host = host;
    this.height = height;
    this.item = null;
    this.canvas = element("canvas", {
      class: "drawing", tabindex: "0", role: "application", "aria-label": label,
      "aria-roledescription": "interactive picture",
    });
    this.tip = element("div", { class: "tip", hidden: "" });
    this.live = element("p", { class: "hidden-text", "aria-live": "polite" });
    host.append(this.canvas, this.tip, this.live);
    this.listen();
    new ResizeObserver(() => this.redraw()).observe(this.canvas);
    pictures.add(this);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerdown", (event) => this.point(event));
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse" && document.activeElement !== canvas) this.show(null);
    });
    canvas.addEventListener("focus", () => {
      if (this.item === null && canvas.matches(":focus-visible")) this.goTo(this.move(null, "Home"));
    });
    canvas.addEventListener("blur", () => this.show(null));
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (this.press(event.key)) event.preventDefault();
    });
  }

  /** Handles a key; true where it meant something. */
  press(key) {
    if (key === "Escape") {
      this.show(null);
      return true;
    }
    if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(key)) return false;
    this.goTo(this.move(this.item, key));
    return true;
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    this.show(this.hit(event.clientX - box.left, event.clientY - box.top));
  }

  /** Shows an item that the keyboard chose and reads it out. */
  goTo(item) {
    if (item === null || item === undefined) return;
    this.reveal(item);
    this.show(item);
    const { title, pairs } = this.describe(item);
    this.live.textContent = `${title}. ${pairs.map((pair) => pair.join(" ")).join("; ")}`;
  }

  /** Brings an item into view; only pictures that can be zoomed have to do something. */
  reveal() {}

  show(item) {
    if (item === null && this.item === null) return;
    this.item = item;
    this.redraw();
    this.tip.hidden = item === null;
    if (item === null) return;
    const { title, pairs } = this.describe(item);
    const list = element("dl");
    for (const [term, text] of pairs) list.append(element("dt", {}, term), element("dd", {}, text));
    this.tip.replaceChildren(element("b", {}, title), list);
    this.placeTip(this.place(item));
  }

  /** Puts the tip below the item where there is room, else above it, and within the host. */
  placeTip(rectangle) {
    const canvas = this.canvas.getBoundingClientRect();
    const host = this.host.getBoundingClientRect();
    const left = canvas.left - host.left + rectangle.x;
    const top = canvas.top - host.top + rectangle.y;
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const x = Math.max(4, Math.min(left, host.width - width - 4));
    const below = top + rectangle.height + 10;
    const fits = host.top + below + height < innerHeight;
    this.tip.style.left = `${x}px`;
    this.tip.style.top = `${fits ? below : Math.max(4 - host.top, top - height - 10)}px`;
  }

  redraw() {
    const width = this.canvas.clientWidth;
    if (width === 0) return;
    const height = typeof this.height === "function" ? this.height(width) : this.height;
    const ratio = Math.max(1, devicePixelRatio || 1);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.height = `${height}px`;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    this.draw(context, width, height, colors());
  }
}

/** Marks the chosen item with a line that shows on any ground. */
function outline(context, rectangle, color, ground) {
  context.lineWidth = 4;
  context.strokeStyle = ground;
  context.strokeRect(rectangle.x, rectangle.y, rectangle.width, rectangle.height);
  context.lineWidth = 2;
  context.strokeStyle = color;
  context.strokeRect(rectangle.x, rectangle.y, rectangle.width, rectangle.height);
}
