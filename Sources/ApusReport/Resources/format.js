// How figures are written, as in the tables of the page.

/** Three significant digits without an exponent. */
function significant(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function scaled(value, step, units) {
  let unit = 0;
  while (Math.abs(value) >= step && unit + 1 < units.length) {
    value /= step;
    unit += 1;
  }
  return unit === 0 ? `${Math.round(value)} ${units[0]}` : `${significant(value)} ${units[unit]}`;
}

function bytesText(value) {
  return scaled(value, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

function secondsText(value) {
  const size = Math.abs(value);
  if (size >= 1 || size === 0) return `${significant(value)} s`;
  if (size >= 1e-3) return `${significant(value * 1e3)} ms`;
  return `${significant(value * 1e6)} µs`;
}

/** A count with a thin gap between each three digits. */
function groupedText(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

function numberText(value) {
  return Math.abs(value) >= 1000 ? groupedText(value) : significant(value);
}

function shareText(value) {
  return `${(value * 100).toFixed(1)} %`;
}

const valueText = {
  bytes: bytesText,
  seconds: secondsText,
  share: shareText,
  number: numberText,
  count: groupedText,
  times: (value) => `${significant(value)} ×`,
};

/** How a unit's axis is labelled: fewer digits than a value has. */
function axisText(value, unit) {
  if (value === 0) return "0";
  const text = valueText[unit](value);
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** An element with attributes and children; texts are never taken as HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Round numbers from 0 to `end`, about `count` of them. */
function ticksUpTo(end, count, start = 0) {
  const span = end - start;
  if (!(span > 0)) return [start];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let index = Math.ceil(start / step - 1e-9); index * step <= end + step * 1e-9; index += 1) {
    ticks.push(index * step);
  }
  return ticks;
}
