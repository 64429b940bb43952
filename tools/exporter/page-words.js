/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * page-words.js - numbers as people read them, and nodes that are kept
 *
 * First of the page's scripts, which page.c joins. Texts of the daemon, guests'
 * names among them, reach the document through textContent and setAttribute
 * alone, never as markup. Nodes are kept and changed where they differ, so that
 * a selection survives an update.
 */
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const UNKNOWN = "not known";
const byId = (id) => document.getElementById(id);

/* ---- words for numbers */

const isNumber = (value) => typeof value === "number" && isFinite(value);

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
