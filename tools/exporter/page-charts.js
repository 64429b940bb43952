/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * page-charts.js - links over time, iterations, errors of forecasts
 *
 * Each is drawn anew for the width it has, so that its text has one size. None
 * says anything by colour alone: bands have patterns, marks have shapes.
 */

const KEPT_SECONDS = 600;

/* Round numbers for an axis from 0 to about @most. */
function steps(most, about) {
  const raw = most / about;
  const ten = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= raw);
  const values = [];
  for (let value = 0; value <= most * 1.0001; value += step) {
    values.push(value);
  }
  return values;
}

/* The same to a logarithmic scale: 1, 2, 5, 10 ... around what there is, and
 * powers of ten alone where that would be many. */
function logSteps(least, most) {
  const all = [];
  for (let power = 0; power < 13; power++) {
    all.push(Math.pow(10, power), 2 * Math.pow(10, power),
      5 * Math.pow(10, power));
  }
  let first = all.findIndex((mark) => mark > least * 0.95) - 1;
  let last = all.findIndex((mark) => mark >= most * 1.05);
  first = Math.max(first, 0);
  last = Math.max(last, first + 2);
  const marks = all.slice(first, last + 1);
  return marks.length <= 6 ? marks
    : marks.filter((mark, i) => i === 0 || i === marks.length - 1 ||
      Number.isInteger(Math.log10(mark)));
}

function chart(holder, height, label) {
  let svg = holder.querySelector("svg.chart");
  if (!svg) {
    svg = shape("svg", {class: "chart", role: "img"});
    holder.append(svg);
  }
  const width = Math.max(Math.floor(holder.clientWidth), 240);
  setAttribute(svg, "viewBox", "0 0 " + width + " " + height);
  setAttribute(svg, "height", height);
  setAttribute(svg, "aria-label", label);
  return {svg, width, height};
}

/* Patterns, so that bands differ without colour. Ids are of the document. */
const ROLES = [
  ["migration", "migration"], ["application", "application of a migrating guest"],
  ["protected", "protected applications"], ["control", "control"],
  ["rest", "everything else"],
];

function pattern(role) {
  const size = 8;
  const node = shape("pattern", {id: "fill-" + role, width: size, height: size,
    patternUnits: "userSpaceOnUse"});
  node.append(shape("rect", {width: size, height: size, class: "fill-" + role}));
  if (role === "migration-odd") {
    node.firstChild.setAttribute("class", "fill-migration");
    node.append(shape("path", {d: "M0 4H8", class: "stripe"}));
  } else if (role === "application") {
    node.append(shape("path", {d: "M-2 2L2 -2M0 8L8 0M6 10L10 6",
      class: "stripe"}));
  } else if (role === "protected") {
    node.append(shape("circle", {cx: 4, cy: 4, r: 1.7, class: "dot-paper"}));
  } else if (role === "control") {
    node.append(shape("path", {d: "M4 0V8", class: "stripe"}));
  } else if (role === "rest") {
    node.firstChild.setAttribute("fill-opacity", "0.35");
  }
  return node;
}

function addPatterns() {
  const svg = shape("svg", {width: 0, height: 0, "aria-hidden": "true",
    class: "patterns"});
  const defs = shape("defs", {});
  for (const role of ["migration", "migration-odd", "application", "protected",
    "control", "rest"]) {
    defs.append(pattern(role));
  }
  svg.append(defs);
  document.body.append(svg);
}

function swatch(fill) {
  const svg = shape("svg", {viewBox: "0 0 22 12", "aria-hidden": "true"});
  svg.append(shape("rect", {width: 22, height: 12, rx: 2,
    fill: "url(#" + fill + ")"}));
  return svg;
}

function lineSwatch(name) {
  const svg = shape("svg", {viewBox: "0 0 22 12", "aria-hidden": "true"});
  svg.append(shape("path", {d: "M0 6H22", class: name}));
  return svg;
}

/* A band for each migration, below all, then the roles. */
function bandsOf(points, names) {
  const owners = new Set();
  const roles = new Set();
  for (const point of points) {
    Object.keys(point.migrations || {}).forEach((name) => owners.add(name));
    Object.keys(point.roles || {}).forEach((name) => roles.add(name));
  }
  const bands = [...owners].sort().map((owner, i) => ({
    key: "m:" + owner, fill: i % 2 ? "fill-migration-odd" : "fill-migration",
    name: "migration of " + (names.get(owner) || owner || "unknown"),
    value: (point) => (point.migrations || {})[owner],
  }));
  for (const [role, name] of ROLES.slice(1)) {
    if (roles.has(role)) {
      bands.push({key: role, fill: "fill-" + role, name,
        value: (point) => (point.roles || {})[role]});
    }
  }
  return bands;
}

/* Points with a hole where nobody measured: then nothing is drawn. */
function stretches(points) {
  const parts = [];
  points.forEach((point, i) => {
    if (i === 0 || point.t - points[i - 1].t > 12) {
      parts.push([]);
    }
    parts[parts.length - 1].push(point);
  });
  return parts;
}

function drawLinkChart(holder, link, points, bands, now) {
  const {svg, width, height} = chart(holder, 210,
    "Use of " + link.link + " over the last ten minutes");
  const left = 70, right = 10, top = 12, bottom = 24;
  const capacity = link.capacity_bytes_s;
  const sum = (point) => bands.reduce((all, band) =>
    all + (band.value(point) || 0), 0);
  const most = Math.max(isNumber(capacity) ? capacity * 1.05 : 0,
    ...points.map(sum), 1) * 8;
  const oldest = points.length ? points[0].t : now;
  const span = Math.min(KEPT_SECONDS, Math.max(60, now - oldest));
  const x = (t) => left + (width - left - right) * (1 - (now - t) / span);
  const y = (bits) => height - bottom - (height - top - bottom) * bits / most;
  const nodes = [];

  for (const value of steps(most, 4)) {
    nodes.push(shape("path", {class: value ? "grid" : "axis",
      d: "M" + left + " " + y(value) + "H" + (width - right)}));
    nodes.push(shape("text", {x: left - 6, y: y(value) + 4,
      "text-anchor": "end"}, value ? rate(value / 8) : "0"));
  }
  const marks = span <= 120 ? 30 : span <= 300 ? 60 : 120;
  for (let ago = 0; ago <= span + 0.5; ago += marks) {
    if (ago && x(now - ago) - left < 14 && x(now - ago) - left > 0.5) {
      continue;
    }
    nodes.push(shape("text", {x: x(now - ago), y: height - 6,
      "text-anchor": ago === 0 ? "end" : "middle"},
    ago === 0 ? "now" : "-" + (ago % 60 ? ago + "\u00a0s"
      : ago / 60 + "\u00a0min")));
  }
  for (const part of stretches(points)) {
    const floor = part.map(() => 0);
    for (const band of bands) {
      const lower = part.map((point, i) =>
        x(point.t).toFixed(1) + " " + y(floor[i] * 8).toFixed(1));
      part.forEach((point, i) => {
        floor[i] += band.value(point) || 0;
      });
      const upper = part.map((point, i) =>
        x(point.t).toFixed(1) + " " + y(floor[i] * 8).toFixed(1));
      nodes.push(shape("path", {class: "band", fill: "url(#" + band.fill + ")",
        d: "M" + upper.join("L") + "L" + lower.reverse().join("L") + "Z"}));
    }
    for (const name of ["guaranteed", "capacity"]) {
      const known = part.filter((point) => isNumber(point[name]));
      if (known.length) {
        nodes.push(shape("path", {class: name, d: "M" + known.map((point) =>
          x(point.t).toFixed(1) + " " + y(point[name] * 8).toFixed(1))
          .join("L")}));
      }
    }
  }
  svg.replaceChildren(...nodes);
}

/* Pages are drawn to a logarithmic scale: what matters of a forecast is by
 * which factor it was off. */
function drawIterations(holder, rows) {
  const shown = rows.filter((row) => isNumber(row.dirty_pages) ||
    isNumber(row.predicted_pages));
  holder.hidden = shown.length === 0;
  if (shown.length === 0) {
    return;
  }
  const room = Math.max(Math.floor((holder.clientWidth - 60) / 14), 8);
  const last = shown.slice(-room);
  const {svg, width, height} = chart(holder, 150,
    "Pages dirtied in each iteration, predicted and actual");
  const left = 46, right = 8, top = 10, bottom = 22;
  const values = last.flatMap((row) => [row.dirty_pages, row.predicted_pages,
    row.predicted_low_pages, row.predicted_high_pages])
    .filter((value) => isNumber(value) && value >= 1);
  const marks = logSteps(Math.min(...values, 1e12), Math.max(...values, 1));
  const low = Math.log10(marks[0]);
  const high = Math.log10(marks[marks.length - 1]);
  const step = Math.min((width - left - right) / last.length, 48);
  const x = (i) => left + step * (i + 0.5);
  const y = (pages) => {
    const level = (Math.log10(Math.max(pages, marks[0])) - low) / (high - low);
    return height - bottom - (height - top - bottom) * level;
  };
  const nodes = [];

  for (const mark of marks) {
    nodes.push(shape("path", {class: mark === marks[0] ? "axis" : "grid",
      d: "M" + left + " " + y(mark) + "H" + (width - right)}));
    nodes.push(shape("text", {x: left - 6, y: y(mark) + 4,
      "text-anchor": "end"}, count(mark)));
  }
  const every = Math.ceil(26 / step);
  last.forEach((row, i) => {
    const title = "iteration " + row.iter + ": " +
      (isNumber(row.dirty_pages) ? Math.round(row.dirty_pages) + " pages"
        : "not over") +
      (isNumber(row.predicted_pages) ? ", predicted " +
        Math.round(row.predicted_pages) : ", no forecast") +
      (isNumber(row.predicted_low_pages) ? " (" +
        Math.round(row.predicted_low_pages) + " to " +
        Math.round(row.predicted_high_pages) + ")" : "");
    const group = shape("g", {});
    group.append(shape("title", {}, title));
    if (isNumber(row.predicted_low_pages) &&
        isNumber(row.predicted_high_pages)) {
      group.append(shape("path", {class: "interval", d: "M" + x(i) + " " +
        y(row.predicted_low_pages) + "V" + y(row.predicted_high_pages)}));
    }
    if (isNumber(row.predicted_pages)) {
      const at = y(row.predicted_pages);
      group.append(shape("path", {class: "predicted", d: "M" + (x(i) - 5) +
        " " + at + "l5 -5l5 5l-5 5Z"}));
    }
    if (isNumber(row.dirty_pages)) {
      group.append(shape("circle", {class: "actual", cx: x(i),
        cy: y(row.dirty_pages), r: 3.2}));
    }
    nodes.push(group);
    if ((last.length - 1 - i) % every === 0) {
      nodes.push(shape("text", {x: x(i), y: height - 6,
        "text-anchor": "middle"}, row.iter));
    }
  });
  svg.replaceChildren(...nodes);
}

/* Errors of the last forecasts, one stroke each, the latest at the right. */
function drawErrors(holder, entries) {
  const shown = entries.filter((entry) => entry.forecast_time_s &&
    isNumber(entry.forecast_time_s.value) && entry.time_s > 0);
  holder.hidden = shown.length < 3;
  if (holder.hidden) {
    return;
  }
  const {svg, width, height} = chart(holder, 120,
    "Errors of the forecasts of total time");
  const left = 46, right = 8, top = 8, bottom = 20, limit = 0.5;
  const step = Math.min((width - left - right) / shown.length, 16);
  const y = (error) => top + (height - top - bottom) *
    (limit - Math.max(-limit, Math.min(limit, error))) / (2 * limit);
  const nodes = [];

  for (const error of [-0.5, -0.25, 0, 0.25, 0.5]) {
    nodes.push(shape("path", {class: error ? "grid" : "axis", d: "M" + left +
      " " + y(error) + "H" + (width - right)}));
    nodes.push(shape("text", {x: left - 6, y: y(error) + 4,
      "text-anchor": "end"}, (error > 0 ? "+" : "") + error * 100 + "\u00a0%"));
  }
  shown.forEach((entry, i) => {
    const f = entry.forecast_time_s;
    const error = (f.value - entry.time_s) / entry.time_s;
    const inside = entry.time_s >= f.low && entry.time_s <= f.high;
    const at = left + step * (i + 0.5);
    const mark = shape("g", {});
    mark.append(shape("title", {}, entry.guest + ": " + seconds(f.value) +
      " forecast, " + seconds(entry.time_s) + " came"));
    mark.append(shape("path", {class: inside ? "error" : "error-out",
      d: "M" + at + " " + y(0) + "V" + y(error)}));
    mark.append(shape("circle", {class: inside ? "actual" : "predicted",
      cx: at, cy: y(error), r: 3}));
    nodes.push(mark);
  });
  nodes.push(shape("text", {x: left, y: height - 5},
    "oldest of " + shown.length));
  nodes.push(shape("text", {x: left + step * shown.length + 2,
    y: height - 5, "text-anchor": shown.length * step > 200 ? "end" : "start",
    dx: shown.length * step > 200 ? 0 : 60}, "latest"));
  svg.replaceChildren(...nodes);
}
