/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * page.js - draws what vmferry-exporter tells
 *
 *   /status.json (all of it) ─┐
 *   /events (what is new) ────┴─> state ──> draw()
 *
 * Texts of the daemon, guests' names among them, reach the document through
 * textContent and setAttribute alone, never as markup. Nodes are kept and
 * changed where they differ, so that a selection survives an update.
 */
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const KEPT_SECONDS = 600;
const POLL_MS = 2000;
const SILENT_MS = 20000;
const byId = (id) => document.getElementById(id);

/* ---- words for numbers */

const isNumber = (value) => typeof value === "number" && isFinite(value);
const UNKNOWN = "not known";

/* Three digits that count; of round numbers fewer. */
function digits(value) {
  const size = Math.abs(value);
  const text = value.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1
    : 2);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function scaled(value, base, units) {
  let i = 0;
  while (Math.abs(value) >= base && i < units.length - 1) {
    value /= base;
    i++;
  }
  return (i === 0 ? value.toFixed(0) : digits(value)) + "\u00a0" + units[i];
}

function rate(value) {
  return isNumber(value) ? scaled(value * 8, 1000,
    ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]) : UNKNOWN;
}

function bytes(value) {
  return isNumber(value) ? scaled(value, 1024,
    ["B", "KiB", "MiB", "GiB", "TiB"]) : UNKNOWN;
}

function count(value) {
  return scaled(value, 1000, ["", "k", "M", "G"]).trim();
}

function seconds(value) {
  if (!isNumber(value)) {
    return UNKNOWN;
  }
  if (value < 1) {
    return (value * 1000).toFixed(0) + "\u00a0ms";
  }
  if (value < 59.95) {
    return value.toFixed(value < 10 ? 1 : 0) + "\u00a0s";
  }
  const whole = Math.round(value);
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) {
    return Math.floor(whole / 60) + "\u00a0min\u00a0" + two(whole % 60) +
      "\u00a0s";
  }
  return Math.floor(whole / 3600) + "\u00a0h\u00a0" +
    two(Math.floor(whole % 3600 / 60)) + "\u00a0min";
}

function percent(value) {
  return isNumber(value) ? digits(value * 100) + "\u00a0%" : UNKNOWN;
}

function clock(text) {
  const at = new Date(typeof text === "number" ? text : String(text));
  if (isNaN(at)) {
    return UNKNOWN;
  }
  const time = at.toLocaleTimeString([], {hour12: false});
  return Date.now() - at < 43200000 ? time
    : at.toLocaleDateString() + " " + time;
}

/* ---- the document, changed only where it differs */

function setText(node, text) {
  text = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function setAttribute(node, name, value) {
  value = String(value);
  if (node.getAttribute(name) !== value) {
    node.setAttribute(name, value);
  }
}

function make(name, className, text) {
  const node = document.createElement(name);
  if (className) {
    node.className = className;
  }
  if (text !== undefined) {
    node.textContent = text;
  }
  return node;
}

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) {
    node.setAttribute(key, attributes[key]);
  }
  if (text !== undefined) {
    node.textContent = text;
  }
  return node;
}

/* One child of @parent for each item, in order, kept by its key. */
function each(parent, items, keyOf, create, update) {
  const known = parent.nodesByKey || (parent.nodesByKey = new Map());
  const wanted = new Map();
  items.forEach((item, i) => {
    let key = String(keyOf(item, i));
    while (wanted.has(key)) {
      key += "'";
    }
    wanted.set(key, item);
  });
  for (const [key, node] of known) {
    if (!wanted.has(key)) {
      node.remove();
      known.delete(key);
    }
  }
  let before = parent.firstElementChild;
  for (const [key, item] of wanted) {
    let node = known.get(key);
    if (!node) {
      node = create(item);
      known.set(key, node);
    }
    if (node === before) {
      before = before.nextElementSibling;
    } else {
      parent.insertBefore(node, before);
    }
    update(node, item);
  }
}

/* columns: [heading, function of the row, class] */
function table(node, columns, rows, keyOf) {
  if (!node.tHead) {
    const heading = node.createTHead().insertRow();
    for (const [title, , kind] of columns) {
      const cell = make("th", kind, title);
      cell.scope = "col";
      heading.append(cell);
    }
    node.createTBody();
  }
  each(node.tBodies[0], rows, keyOf, () => {
    const row = make("tr");
    for (const [title, , kind] of columns) {
      const cell = make("td", kind);
      cell.dataset.label = title;
      row.append(cell);
    }
    return row;
  }, (row, item) => columns.forEach(([, value], i) => {
    setText(row.cells[i], value(item));
  }));
}

/* ---- what is known */

const state = {
  document: null,
  links: new Map(),      /* name -> points, the oldest first */
  iterations: new Map(), /* session -> iterations, ascending */
  gap: false,            /* something passed us by: ask for all of it */
};

const listOf = (value) => Array.isArray(value)
  ? value.filter((item) => item && typeof item === "object") : [];

function mergeBy(old, fresh, key) {
  const last = old.length ? old[old.length - 1][key] : -Infinity;
  const first = fresh.length ? fresh[0][key] : Infinity;
  if (first > last) {
    return old.concat(fresh);
  }
  const keys = new Set(fresh.map((item) => item[key]));
  return old.filter((item) => !keys.has(item[key])).concat(fresh)
    .sort((a, b) => a[key] - b[key]);
}

function take(fresh) {
  const links = Object.entries(fresh.link_points || {});
  const iterations = Object.entries(fresh.iterations || {});
  if (fresh.whole) {
    state.links.clear();
    state.gap = false;
  }
  for (const [name, points] of links) {
    const old = state.links.get(name) || [];
    const merged = mergeBy(old, listOf(points), "t");
    const newest = merged.length ? merged[merged.length - 1].t : 0;
    state.links.set(name,
      merged.filter((point) => point.t > newest - KEPT_SECONDS));
  }
  for (const [session, rows] of iterations) {
    const old = fresh.whole ? [] : state.iterations.get(session) || [];
    const list = listOf(rows);
    if (!fresh.whole && list.length && list[0].iter >
        (old.length ? old[old.length - 1].iter : 0) + 1) {
      state.gap = true;
    }
    state.iterations.set(session, mergeBy(old, list, "iter"));
  }
  for (const session of state.iterations.keys()) {
    if (!Object.hasOwn(fresh.iterations || {}, session)) {
      state.iterations.delete(session);
    }
  }
  state.document = fresh;
}

/* ---- charts */

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

/* ---- migrations */

const STATES = {
  queued: "queued", preparing: "preparing", precopy: "pre-copy",
  switchover: "switch-over", postcopy: "post-copy",
  "postcopy-paused": "post-copy paused", done: "done", failed: "failed",
  cancelled: "cancelled",
};

function interval(value, words) {
  if (!value || !isNumber(value.value)) {
    return UNKNOWN;
  }
  return words(value.value) + (isNumber(value.low) && isNumber(value.high)
    ? " (" + words(value.low) + " to " + words(value.high) + ")" : "");
}

const waits = (session) => session.state === "queued" ||
  session.state === "preparing";

function chipsOf(session) {
  const chips = [[(STATES[session.state] || session.state || UNKNOWN) +
    (session.state === "precopy" && session.iteration > 0
      ? ", iteration " + session.iteration : ""),
  session.state === "postcopy-paused" ? "bad" : "strong"]];
  chips.push(["mode " + (session.mode || UNKNOWN), ""]);
  if (session.starter === "others") {
    chips.push(["started by others", ""]);
  } else if (session.starter === "drain") {
    chips.push(["drain", ""]);
  }
  if (session.held) {
    chips.push(["held", "strong"]);
  }
  if (session.converges === false) {
    chips.push(["does not converge", "bad"]);
  }
  return chips;
}

function guaranteeOf(session) {
  if (!isNumber(session.guarantee_bytes_s)) {
    return "none";
  }
  return rate(session.guarantee_bytes_s);
}

function forceOf(session) {
  return session.in_force === true ? "in force"
    : session.mode === "enforce" ? "not in force"
    : "not applied in mode " + session.mode;
}

/* [term, value, small print, class] */
function factsOf(session) {
  const forecast = session.forecast || {};
  const downtime = forecast.downtime_s || {};
  const late = isNumber(downtime.value) &&
    isNumber(session.downtime_limit_s) &&
    downtime.value > session.downtime_limit_s;
  const facts = [
    ["Bandwidth", rate(session.bandwidth_bytes_s)],
    ["Dirtied at", rate(session.dirty_bytes_s)],
    ["Guaranteed", guaranteeOf(session), waits(session) ? ""
      : forceOf(session), session.in_force === true ||
      session.mode !== "enforce" || waits(session) ? "" : "bad"],
    ["May borrow up to", isNumber(session.ceiling_bytes_s)
      ? rate(session.ceiling_bytes_s) : "nothing set"],
    ["Downtime forecast", interval(downtime, seconds),
      isNumber(session.downtime_limit_s)
        ? (late ? "above the limit of " : "limit ") +
          seconds(session.downtime_limit_s) : "", late ? "bad" : ""],
    ["Converges", session.converges === true ? "yes"
      : session.converges === false ? "no" : "not known yet", "",
    session.converges === false ? "bad" : ""],
  ];
  if (isNumber(session.application_bytes_s) && session.application_bytes_s > 0) {
    facts.push(["Kept for its application",
      rate(session.application_bytes_s)]);
  }
  if (isNumber(session.deadline_s)) {
    const left = session.deadline_s - (session.elapsed_s || 0);
    facts.push(["Deadline", left >= 0 ? "in " + seconds(left)
      : seconds(-left) + " ago", "", left < 0 ? "bad" : ""]);
  }
  return facts;
}

/* [heading, text, class, is a command] */
function sayingsOf(session) {
  const say = [];
  const decision = session.decision;
  const ladder = session.ladder || {};

  if (session.recover) {
    say.push(["Post-copy is paused; this continues it", session.recover, "bad",
      true]);
  }
  if (session.in_force === false && session.mode === "enforce" &&
      !waits(session)) {
    say.push(["The guarantee is not in force", session.not_in_force_text ||
      session.not_in_force || "no reason is given", "bad"]);
  }
  if (session.advice) {
    say.push(["What would help", session.advice, "bad"]);
  }
  if (session.held) {
    say.push(["Held by " + (session.held.by || UNKNOWN) + " since " +
      clock(session.held.since), [session.held.reason,
      isNumber(session.held.cost_s) ? "it ends " +
        seconds(session.held.cost_s) + " later for it" : null]
      .filter(Boolean).join("; "), ""]);
  }
  if (decision) {
    say.push(["Decided" + (isNumber(decision.iteration) ? " at iteration " +
      decision.iteration : "") + ": " + (decision.step || UNKNOWN) +
      (decision.carried_out === false ? " (not carried out)" : ""),
    decision.text || decision.reason || "", ""]);
  }
  const taken = (Array.isArray(ladder.taken) ? ladder.taken : []).map(String);
  const undone = (Array.isArray(ladder.undone) ? ladder.undone : [])
    .map(String);
  if (taken.length) {
    say.push(["Steps taken so that it converges", taken.join(", ") +
      (undone.length ? "; undone, for they did not help: " +
        undone.join(", ") : ""), ""]);
  }
  if (Array.isArray(session.foreign) && session.foreign.length) {
    say.push(["Changed by others, and left to them",
      session.foreign.map(String).join(", "), ""]);
  }
  for (const warning of Array.isArray(session.warnings)
    ? session.warnings : []) {
    say.push(["Warning", String(warning), ""]);
  }
  return say;
}

function createSession(session) {
  const node = make("article", "session");
  const head = make("header");
  head.append(make("h3"), make("p", "to"), make("ul", "chips"));
  const bar = make("progress");
  bar.max = 1;
  const line = make("p", "line");
  line.append(make("span", "done"), make("span", "end"));
  const drawing = make("div", "iterations");
  drawing.append(make("h4", "", "Pages dirtied in each iteration"));
  const key = make("ul", "key");
  const actual = shape("svg", {viewBox: "0 0 22 12", "aria-hidden": "true"});
  actual.append(shape("circle", {class: "actual", cx: 11, cy: 6, r: 3.2}));
  const predicted = shape("svg", {viewBox: "0 0 22 12", "aria-hidden": "true"});
  predicted.append(shape("path", {class: "interval", d: "M11 0V12"}),
    shape("path", {class: "predicted", d: "M6 6l5 -5l5 5l-5 5Z"}));
  for (const [sign, text] of [[actual, "actual"],
    [predicted, "predicted, with its 80 % interval"]]) {
    const item = make("li");
    item.append(sign, document.createTextNode(text));
    key.append(item);
  }
  drawing.append(key);
  node.append(head, bar, line, make("dl"), make("div", "sayings"), drawing);
  return node;
}

function updateSession(node, session) {
  const find = (selector) => node.querySelector(selector);
  const bar = find("progress");

  setAttribute(node, "data-session", session.session);
  setText(find("h3"), session.guest || session.uuid || UNKNOWN);
  setText(find(".to"), "to " + (session.destination || UNKNOWN) +
    (session.link ? " over " + session.link : ""));
  each(find(".chips"), chipsOf(session), (chip, i) => i, () => make("li"),
    (chip, [text, kind]) => {
      setText(chip, text);
      setAttribute(chip, "class", kind);
    });
  bar.hidden = waits(session);
  bar.value = isNumber(session.progress) ? session.progress : 0;
  setAttribute(bar, "aria-label", "progress");
  setText(find(".done"), waits(session) ? "waits since " + clock(session.started)
    : (isNumber(session.progress) ? Math.floor(session.progress * 100) +
      "\u00a0% in " : "") + seconds(session.elapsed_s) + ", " +
      bytes(session.sent_bytes) + " sent, " +
      bytes(session.remaining_bytes) + " left");
  setText(find(".end"), session.forecast && session.forecast.end_s &&
    isNumber(session.forecast.end_s.value)
    ? "ends in " + interval(session.forecast.end_s, seconds) : "");
  each(find("dl"), factsOf(session), (fact) => fact[0], (fact) => {
    const item = make("div");
    const value = make("dd");
    value.append(make("span"), make("br"), make("small"));
    item.append(make("dt", "", fact[0]), value);
    return item;
  }, (item, [, value, small, kind]) => {
    setText(item.querySelector("dd span"), value);
    setText(item.querySelector("dd small"), small || "");
    item.querySelector("dd br").hidden = !small;
    setAttribute(item.querySelector("dd"), "class", kind || "");
  });
  each(find(".sayings"), sayingsOf(session), (say, i) => i + say[0], (say) => {
    const item = make("p");
    item.append(make("span", "over"), make(say[3] ? "code" : "span", "text"));
    return item;
  }, (item, [over, text, kind]) => {
    setAttribute(item, "class", ("say " + kind).trim());
    setText(item.querySelector(".over"), over);
    setText(item.querySelector(".text"), text);
  });
  drawIterations(find(".iterations"),
    state.iterations.get(String(session.session)) || []);
}

/* ---- links */

const LINK_STATES = {
  down: "the link is down", gone: "the link is gone",
  "given-up": "given up: others removed our classes again and again",
  foreign: "the root of its traffic control is not ours",
};

function createLink() {
  const node = make("article", "link");
  node.append(make("h3"), make("p", "words"), make("div", "drawing"),
    make("ul", "key"));
  return node;
}

function updateLink(node, link, names, now) {
  const points = state.links.get(String(link.link)) || [];
  const bands = bandsOf(points, names);
  const last = points.length ? points[points.length - 1] : {};
  const words = link.state === "idle" ? ["no migration uses it now"]
    : [(isNumber(link.use_bytes_s) ? rate(link.use_bytes_s) + " of " : "") +
      rate(link.capacity_bytes_s) + (link.capacity_source
      ? " (" + link.capacity_source + ")" : "") +
      (isNumber(link.use_bytes_s) ? " in use" : ""),
    rate(link.guaranteed_bytes_s) + " guaranteed"];
  if (LINK_STATES[link.state]) {
    words.push(LINK_STATES[link.state]);
  }
  for (const to of listOf(link.destinations)) {
    words.push("towards " + to.address + " " + rate(to.capacity_bytes_s));
  }
  setText(node.querySelector("h3"), link.link);
  setText(node.querySelector(".words"), words.join("; "));
  const drawing = node.querySelector(".drawing");
  drawing.hidden = points.length < 2;
  if (!drawing.hidden) {
    drawLinkChart(drawing, link, points, bands, now);
  }
  const key = bands.map((band) => [band.key, () => swatch(band.fill),
    band.name, band.value(last)]).reverse();
  key.unshift(["capacity", () => lineSwatch("capacity"), "capacity", null],
    ["guaranteed", () => lineSwatch("guaranteed"), "sum of guarantees", null]);
  each(node.querySelector(".key"), drawing.hidden ? [] : key,
    ([id]) => id, ([, sign]) => {
      const item = make("li");
      item.append(sign(), make("span"), make("b"));
      return item;
    }, (item, [, , name, value]) => {
      setText(item.querySelector("span"), name);
      setText(item.querySelector("b"), value === null ? ""
        : isNumber(value) ? " " + rate(value) : " gone");
    });
}

/* Those of the status, then those that were there in the last ten minutes. */
function linksOf(status) {
  const links = listOf(status.links);
  const names = new Set(links.map((link) => String(link.link)));
  for (const [name, points] of status.daemon ? state.links : []) {
    if (!names.has(name) && points.length > 1) {
      const last = points[points.length - 1];
      links.push({link: name, state: "idle",
        capacity_bytes_s: last.capacity});
    }
  }
  return links;
}

/* ---- the page */

function drawHead(shown) {
  const daemon = shown.status && shown.status.daemon || {};
  const meaning = {
    observe: "nothing is changed, what would have been done is recorded",
    advise: "nothing is changed, advice is given",
    enforce: "migrations get their share of the links",
  };
  const mode = byId("mode");
  setText(byId("host"), daemon.host || "");
  if (!daemon.mode) {
    setText(mode, "");
  } else if (mode.dataset.mode !== daemon.mode) {
    mode.dataset.mode = daemon.mode;
    mode.replaceChildren(make("b", "", "mode " + daemon.mode),
      document.createTextNode(meaning[daemon.mode]
        ? ": " + meaning[daemon.mode] : ""));
  }
  setText(byId("about"), "vmferry-exporter " +
    (shown.exporter && shown.exporter.version || "") +
    (daemon.version ? ", vmferryd " + daemon.version + " since " +
      clock(daemon.since) : "") +
    (daemon.libvirt && daemon.libvirt.connected ? ", libvirt " +
      (daemon.libvirt.version || "") : ""));
}

/* [heading, text, class] */
function noticesOf(shown) {
  const notices = [];
  const exporter = shown.exporter || {};
  const daemon = shown.status && shown.status.daemon;
  if (!exporter.daemon_up) {
    notices.push(["No daemon.", "vmferryd has not answered since " +
      clock(exporter.since) + ": " + (exporter.why || "no reason given") +
      ". This page tries again by itself.", "bad"]);
  } else if (!daemon) {
    notices.push(["Connected.", "Waiting for the daemon's status.", ""]);
  } else {
    if (daemon.disabled) {
      notices.push(["Disabled.", "Nothing is shaped: " + daemon.disabled + ".",
        "bad"]);
    }
    if (daemon.libvirt && daemon.libvirt.connected === false) {
      notices.push(["No libvirt.", "vmferryd is not connected to " +
        (daemon.libvirt.uri || "libvirt") + " since " +
        clock(daemon.libvirt.since) + ".", "bad"]);
    }
    for (const alert of listOf(shown.status.alerts)) {
      notices.push(["Alert " + (alert.alert || "") + (alert.link ? " on " +
        alert.link : "") + ".", (alert.text || "") + " Since " +
        clock(alert.since) + ".", "bad"]);
    }
  }
  return notices;
}

function drawNotices(shown) {
  each(byId("notices"), noticesOf(shown), (notice, i) => i, () => {
    const node = make("p");
    node.append(make("b"), document.createTextNode(" "), make("span"));
    return node;
  }, (node, [heading, text, kind]) => {
    setAttribute(node, "class", ("notice " + kind).trim());
    setText(node.querySelector("b"), heading);
    setText(node.querySelector("span"), text);
  });
}

function drawMigrations(shown, sessions, runs) {
  const none = byId("no-migrations");
  byId("migrations").hidden = !shown.status;
  none.hidden = sessions.length > 0;
  if (!none.hidden) {
    setText(none, "No migrations." + (runs.length ? " The last one was that " +
      "of " + runs[0].guest + ": " + runs[0].status + "." : ""));
  }
  each(byId("sessions"), sessions, (session) => session.session, createSession,
    updateSession);
}

function drawQueue(queue) {
  byId("queue-section").hidden = queue.length === 0;
  table(byId("queue"), [
    ["guest", (item) => item.guest, "title"],
    ["place", (item) => item.position, "number"],
    ["to", (item) => item.destination],
    ["link", (item) => item.link],
    ["waits for", (item) => item.text || item.reason, "wide"],
    ["waited", (item) => seconds(item.waiting_s), "number"],
    ["begins in", (item) => seconds(item.forecast_start_s), "number"],
    ["then takes", (item) => seconds(item.forecast_time_s), "number"],
    ["at the latest in", (item) => seconds(item.wait_most_s), "number"],
  ], queue, (item) => item.session);
}

function recordWords(record) {
  const words = [];
  if (isNumber(record.time_error_median)) {
    words.push("Over the last " + record.runs + " runs half of the forecasts " +
      "of the total time were off by " + percent(record.time_error_median) +
      " at most, nine in ten by " + percent(record.time_error_p90) + ".");
  }
  if (isNumber(record.downtime_error_median)) {
    words.push("Downtime: " + percent(record.downtime_error_median) + " and " +
      percent(record.downtime_error_p90) + ".");
  }
  if (isNumber(record.coverage)) {
    words.push(percent(record.coverage) + " of the outcomes lay inside their " +
      "interval; 80\u00a0% is promised.");
  }
  return words.join(" ");
}

function drawRecord(record) {
  const entries = listOf(record.entries);
  const order = entries.slice().sort((a, b) =>
    Date.parse(a.time) - Date.parse(b.time));
  byId("record-section").hidden = entries.length === 0;
  if (entries.length === 0) {
    return;
  }
  const error = (entry) => entry.forecast_time_s &&
    isNumber(entry.forecast_time_s.value) && entry.time_s > 0
    ? (entry.forecast_time_s.value - entry.time_s) / entry.time_s : null;
  drawErrors(byId("record-chart"), order);
  setText(byId("record-words"), recordWords(record) +
    (byId("record-chart").hidden ? "" : " Below, a stroke for each run: " +
      "upwards where the forecast was too long, with an open circle where " +
      "the outcome lay outside its interval."));
  table(byId("record"), [
    ["guest", (entry) => entry.guest, "title"],
    ["at", (entry) => clock(entry.time)],
    ["mode", (entry) => entry.mode],
    ["end", (entry) => entry.status],
    ["time forecast", (entry) => interval(entry.forecast_time_s, seconds),
      "number"],
    ["time", (entry) => seconds(entry.time_s), "number"],
    ["error", (entry) => error(entry) === null ? UNKNOWN
      : (error(entry) > 0 ? "+" : "") + percent(error(entry)), "number"],
    ["downtime forecast", (entry) => seconds(entry.forecast_downtime_s),
      "number"],
    ["downtime", (entry) => seconds(entry.downtime_s), "number"],
    ["would have", (entry) => entry.would_have || "", "wide"],
  ], order.reverse().slice(0, 10), (entry) => entry.session);
}

function drawRuns(runs) {
  byId("runs-section").hidden = runs.length === 0;
  table(byId("runs"), [
    ["guest", (run) => run.guest, "title"],
    ["to", (run) => run.destination],
    ["began", (run) => clock(run.started)],
    ["end", (run) => run.status + (run.message ? ": " + run.message : ""),
      "wide"],
    ["time", (run) => seconds(run.total_s), "number"],
    ["downtime", (run) => seconds(run.downtime_s), "number"],
    ["sent", (run) => bytes(run.bytes), "number"],
    ["iterations", (run) => isNumber(run.iterations) ? run.iterations
      : UNKNOWN, "number"],
  ], runs.slice(0, 10), (run) => run.session);
}

function draw() {
  const shown = state.document;
  if (!shown) {
    return;
  }
  const status = shown.status || {};
  const sessions = listOf(status.sessions);
  const links = linksOf(status);
  const runs = listOf(shown.runs);
  const names = new Map(sessions.map((session) =>
    [String(session.session), session.guest]));
  const now = Date.parse(shown.exporter && shown.exporter.time) / 1000 ||
    Date.now() / 1000;

  drawHead(shown);
  drawNotices(shown);
  drawMigrations(shown, sessions, runs);
  drawQueue(listOf(status.queue));
  byId("links-section").hidden = links.length === 0;
  each(byId("links"), links, (link) => link.link, createLink,
    (node, link) => updateLink(node, link, names, now));
  drawRecord(status.track_record || {});
  drawRuns(runs);
  document.title = (sessions.length ? sessions.length + (sessions.length === 1
    ? " migration" : " migrations") + " \u00b7 " : "") + "vmferry" +
    (status.daemon ? " " + (status.daemon.host || "") : "");
}

/* ---- contact with the exporter */

const contact = {
  events: null, heard: 0, reopen: 0, asked: 0, polling: false,
};

function showContact(kind, text) {
  setAttribute(byId("contact"), "data-state", kind);
  setText(byId("contact"), text);
  document.body.classList.toggle("stale", kind === "lost");
}

function hear(fresh, how) {
  contact.heard = Date.now();
  take(fresh);
  if (fresh.exporter && fresh.exporter.daemon_up) {
    showContact("live", how);
  } else {
    showContact("none", "no daemon");
  }
  draw();
}

async function askForAll() {
  if (contact.polling) {
    return;
  }
  contact.polling = true;
  contact.asked = Date.now();
  try {
    const answer = await fetch("/status.json", {cache: "no-store"});
    if (!answer.ok) {
      throw new Error("status " + answer.status);
    }
    hear(await answer.json(), contact.events ? "live" : "live, every " +
      POLL_MS / 1000 + " s");
  } catch (error) {
    lost();
  } finally {
    contact.polling = false;
  }
}

function lost() {
  showContact("lost", contact.heard
    ? "vmferry-exporter does not answer; figures of " + clock(contact.heard)
    : "vmferry-exporter does not answer");
}

function closeEvents() {
  if (contact.events) {
    contact.events.close();
    contact.events = null;
  }
}

function openEvents() {
  closeEvents();
  if (!window.EventSource) {
    return;
  }
  const events = new EventSource("/events");
  contact.events = events;
  events.onopen = askForAll;
  events.onmessage = (message) => {
    hear(JSON.parse(message.data), "live");
    if (state.gap && Date.now() - contact.asked > 1000) {
      askForAll();
    }
  };
  events.onerror = () => {
    /* the browser tries again, or says that it will not: then we ask */
    if (events.readyState === EventSource.CLOSED) {
      closeEvents();
      contact.reopen = Date.now() + 30000;
    }
  };
}

function look() {
  const silent = Date.now() - contact.heard > SILENT_MS;
  if (document.hidden) {
    return;
  }
  if (contact.events && silent && Date.now() - contact.asked > SILENT_MS) {
    closeEvents();
    contact.reopen = Date.now() + 30000;
  }
  if (!contact.events) {
    if (window.EventSource && Date.now() > contact.reopen) {
      openEvents();
    } else {
      askForAll();
    }
  } else if (contact.events.readyState === EventSource.CONNECTING &&
      Date.now() - contact.heard > 3000) {
    lost();
  }
}

/* A page that nobody sees keeps no connection: browsers have only six. */
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    closeEvents();
  } else {
    contact.reopen = 0;
    look();
  }
});
window.addEventListener("resize", draw);
addPatterns();
openEvents();
setInterval(look, POLL_MS);
