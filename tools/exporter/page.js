/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * page.js - draws what vmferry-exporter tells
 *
 *   /status.json (all of it) --.
 *   /events (what is new) -----+-> state --> draw()
 *
 * Last of the page's scripts: the others have said how to draw what.
 */

const POLL_MS = 2000;
const SILENT_MS = 20000;

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
