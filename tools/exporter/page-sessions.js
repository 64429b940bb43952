/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * page-sessions.js - a card for each migration
 */

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
