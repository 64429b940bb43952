#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""exporter-page.py - the live page in headless Chromium

Migrations appear, move and end; the daemon goes and comes; hostile names stay
text; no width and no colour scheme breaks it. Pictures of all that are left in
BUILD/system/exporter-page, for people to look at. Skips without Chromium.
"""
import math
import socket

from exporter_lib import *

HOSTILE = ("<img src=x onerror=\"document.body.dataset.owned=1\">"
           "<script>document.body.dataset.owned=1</script>'\"&amp;")
PICTURES = os.path.join(BUILD, "system", "exporter-page")


def classes(step):
    wave = math.sin(step / 3)
    return [traffic_class("7666:2", "control", None, 4e3, 60000),
            traffic_class("7666:1001", "migration", "db-1", 3.4e6 + 4e5 * wave,
                          3000000),
            traffic_class("7666:1002", "migration", HOSTILE, 6e5, 600000),
            traffic_class("7666:2001", "application", "db-1", 2.2e5, 250000),
            traffic_class("7666:4000", "protected", "port 5432",
                          8e5 - 1e5 * wave, 1000000),
            traffic_class("7666:10", "rest", None, 5e5 + 3e5 * wave, 4e5)]


def world(step):
    """A host on which everything happens that the page can show."""
    sessions = [
        session("1", "db-1", progress=0.3 + step / 100, elapsed_s=20 + step,
                deadline_s=240),
        session("2", HOSTILE, starter="others", converges=False,
                in_force=False, not_in_force="nic-not-bottleneck",
                not_in_force_text="its class has no backlog and the stream "
                "gets 5.1 Mbit/s: the receiver is the bottleneck",
                advice="It does not converge at 6.0 Mbit/s. 31.0 Mbit/s would "
                "do, or a downtime limit of 1.9 s, or post-copy, which is not "
                "allowed.", forecast={
                    "end_s": interval(None), "downtime_s": interval(1.9),
                    "bytes": interval(None), "at": at()},
                held={"by": "root (virsh)", "reason": HOSTILE, "since": at(31),
                      "floor_bytes_s": 600000, "cost_s": 44.0},
                foreign=["downtime"], warnings=[HOSTILE], progress=0.41),
        session("3", "web-3", state="queued", iteration=0, progress=0,
                in_force=False, not_in_force="no-stream", decision=None,
                converges=None, bandwidth_bytes_s=None, dirty_bytes_s=None,
                guarantee_bytes_s=None, ceiling_bytes_s=None,
                forecast={"end_s": interval(None),
                          "downtime_s": interval(None),
                          "bytes": interval(None), "at": None}),
        session("4", "mail", state="postcopy-paused", mode="observe",
                in_force=False, not_in_force="mode", progress=0.9,
                recover="virsh -c qemu:///system migrate --live --postcopy "
                "--postcopy-resume mail qemu+ssh://host-2.example/system")]
    queue = [queued(1, "3", "web-3"),
             queued(2, "5", "web-4", reason="order", waiting_s=3,
                    text="db-1 and web-3 go first: that shortens the total")]
    alerts = [{"alert": "postcopy-paused", "since": at(40), "link": None,
               "text": HOSTILE}]
    return status(sessions, [link(classes=classes(step))], queue,
                  track_record(64), alerts)


def iterations(count, hot=9000):
    rows = [iteration(1, None, 36000)]
    for k in range(2, count):
        actual = hot + 27000 * 0.7 ** k
        rows.append(iteration(k, actual * (1 + 0.3 * math.cos(2 * k)), actual))
    return {"session": {}, "iterations": rows, "decisions": [], "points": [],
            "record": None}


def text_of(selector):
    return f"(document.querySelector({selector!r})||{{}}).innerText"


def text(browser, selector):
    return browser.run(text_of(selector)) or ""


def nothing_goes_on(browser, exporter):
    browser.open(exporter.url)
    check("the page is live", browser.wait_for(
        "document.getElementById('contact').dataset.state === 'live'"),
        text(browser, "#contact"))
    check("without migrations it says so", browser.wait_for(
        text_of("#no-migrations") + ".includes('No migrations')"),
        text(browser, "main"))
    check("the host is named", "host-1" in text(browser, "h1"))
    check("so is the mode", "mode enforce" in text(browser, "#mode"),
          text(browser, "#mode"))
    found = browser.complaints()
    check("the browser has nothing to complain about", found == [], found)


def migrations_appear_and_move(browser, daemon):
    daemon.tell(show={"1": iterations(4), "2": iterations(40)},
                status=world(0))
    daemon.tell(event="session-begun", session="1", data={"document": {}})
    check("four migrations appear", browser.wait_for(
        "document.querySelectorAll('article.session').length === 4"))
    card = "article[data-session='2']"
    check("iterations that passed the page by are asked for",
          browser.wait_for("document.querySelectorAll("
                           f"\"{card} .chart circle.actual\").length === 39"))
    card = "article[data-session='1']"
    check("the first is named", text(browser, card + " h3") == "db-1",
          text(browser, card + " h3"))
    said = text(browser, card)
    for words in ("pre-copy, iteration 4", "mode enforce", "24 Mbit/s",
                  "in force", "ends in 38", "24.0 Mbit/s keep it converging"):
        check(f"it says {words!r}", words in said.replace("\xa0", " "), said)
    check("iterations from before are drawn", browser.wait_for(
        f"document.querySelectorAll(\"{card} circle.actual\").length === 4"),
        browser.run(f"document.querySelector(\"{card} .iterations\")"
                    ".innerHTML"))
    check("with what was predicted", browser.run(
        f"document.querySelectorAll(\"{card} .chart .predicted\").length") == 2)
    done = browser.run(f"document.querySelector(\"{card} progress\").value")
    daemon.tell(status=world(20))
    daemon.tell(event="session-iteration", session="1",
                data={"iteration": iteration(4, 9000, 12345)})
    check("an iteration that ends is added", browser.wait_for(
        f"document.querySelector(\"{card}\").innerHTML"
        ".includes('iteration 4: 12345 pages, predicted 9000')"))
    check("progress moves", browser.wait_for(
        f"document.querySelector(\"{card} progress\").value > {done}"))
    check("the same nodes are used, a selection survives", browser.run(
        f"(() => {{ document.querySelector(\"{card}\").marked = 1; "
        "return 1; })()") == 1)
    daemon.tell(status=world(21))
    daemon.tell(event="decision", session="1", data={"decision": {}})
    check("progress moves on", browser.wait_for(
        f"document.querySelector(\"{card} progress\").value > 0.505"))
    check("in place", browser.run(
        f"document.querySelector(\"{card}\").marked") == 1)


def everything_is_told(browser):
    page = text(browser, "body").replace("\xa0", " ")
    for words in (
            "does not converge", "held", "started by others",
            "The guarantee is not in force\nits class has no backlog",
            "31.0 Mbit/s would do", "post-copy paused",
            "virsh -c qemu:///system migrate --live --postcopy",
            "not applied in mode observe", "queued", "Alert postcopy-paused.",
            "Changed by others", "it is network-intensive: db-1 goes first",
            "above the limit of 300 ms", "migration of db-1",
            "protected applications", "Over the last 64 runs"):
        check(f"the page says {words[:40]!r}", words in page)
    check("links are drawn", browser.wait_for(
        "document.querySelectorAll('.link svg.chart path.band').length >= 6"))
    fills = browser.run(
        "[...document.querySelectorAll('.link svg.chart path.band')]"
        ".map((p) => p.getAttribute('fill'))")
    check("neighbouring bands have other patterns, not colours alone",
          all(a != b for a, b in zip(fills, fills[1:])), fills)


def hostile_names_stay_text(browser):
    check("the guest's name is shown as it is", text(
        browser, "article[data-session='2'] h3") == HOSTILE,
        text(browser, "article[data-session='2'] h3"))
    check("nothing of it became an element", browser.run(
        "document.querySelectorAll('body img, main script').length") == 0)
    check("nothing of it ran",
          browser.run("document.body.dataset.owned") is None)
    found = browser.complaints()
    check("and the policy was not even needed", found == [], found)
    # it would have been: a script that gets in all the same does not run
    browser.run("""(() => { const s = document.createElement('script');
        s.textContent = 'document.body.dataset.owned = 1';
        document.body.append(s);
        const i = document.createElement('img');
        i.src = 'http://127.0.0.1:1/x'; document.body.append(i);
        s.remove(); i.remove(); })()""")
    check("a script that is put in is not run",
          browser.run("document.body.dataset.owned") is None)
    check("the browser says why", any("Content Security Policy" in words
                                      for words in browser.complaints()))


def it_fits(browser):
    os.makedirs(PICTURES, exist_ok=True)
    for width in (400, 640, 1000, 1400, 2000):
        browser.size(width, 1000)
        browser.wait_for(f"innerWidth === {width} && [...document"
                         ".querySelectorAll('svg.chart')].every((s) => s"
                         ".viewBox.baseVal.width <= s.parentNode.clientWidth"
                         " + 1)")
        needs = browser.run("document.documentElement.scrollWidth")
        check(f"at {width} px nothing sticks out", needs <= width, needs)
        wide = browser.run("""[...document.querySelectorAll(
            'article, table, p, li, dd, h3, code, svg.chart')].filter((n) => {
            const r = n.getBoundingClientRect();
            return r.width && (r.right > innerWidth + 1 || r.left < -1) &&
                !n.closest('.scroll'); }).map((n) => n.outerHTML.slice(0, 90))
            """)
        check(f"at {width} px every part is inside", wide == [], wide)
        cut = browser.run("""[...document.querySelectorAll('svg.chart text')]
            .filter((t) => { const r = t.getBoundingClientRect(),
                s = t.ownerSVGElement.getBoundingClientRect();
                return r.right > s.right + 8 || r.left < s.left - 8; })
            .map((t) => t.textContent)""")
        check(f"at {width} px no label of a chart is cut", cut == [], cut)
        height = browser.run("document.documentElement.scrollHeight")
        browser.size(width, int(height))
        browser.picture(f"{PICTURES}/light-{width}.png")
    browser.size(1400, int(height), dark=True)
    browser.picture(f"{PICTURES}/dark-1400.png")
    bright = """(() => { const lum = (c) => { const v = c.match(/[\\d.]+/g)
        .slice(0, 3).map((x) => { x /= 255; return x <= 0.03928 ? x / 12.92
        : Math.pow((x + 0.055) / 1.055, 2.4); });
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
        const paper = (n) => { for (; n; n = n.parentElement) {
            const c = getComputedStyle(n).backgroundColor;
            if (!/, 0\\)$/.test(c) && c !== 'transparent') return c; }
            return 'rgb(255, 255, 255)'; };
        return [...document.querySelectorAll('h1, p, dt, dd, li, td, th, a, '
            + 'small, .over')].filter((n) => n.innerText &&
            n.getClientRects().length).map((n) => {
            const a = lum(getComputedStyle(n).color), b = lum(paper(n));
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
                n.tagName + '.' + n.className + ' ' +
                n.innerText.slice(0, 20)]; })
            .filter(([r]) => r < 4.5).map(([r, w]) => w + ' ' + r); })()"""
    dark = browser.run("getComputedStyle(document.body).backgroundColor")
    check("the dark page is dark", dark == "rgb(20, 24, 28)", dark)
    weak = browser.run(bright)
    check("texts of the dark page have a contrast of 4.5", weak == [], weak)
    browser.size(1400, 1000)
    weak = browser.run(bright)
    check("and those of the light one", weak == [], weak)


def migrations_end(browser, daemon):
    ended = session("1", "db-1", state="done", iteration=9)
    daemon.tell(status=status([], record=track_record(65)))
    daemon.tell(event="session-ended", session="1",
                data={"document": ended, "status": "completed",
                      "message": None, "total_s": 61.5, "downtime_s": 0.2,
                      "bytes": 4e8})
    check("a migration that ended goes", browser.wait_for(
        "document.querySelectorAll('article.session').length === 0"))
    check("and is among those that ended", browser.wait_for(
        text_of("#runs") + ".includes('db-1')") and
        "completed" in text(browser, "#runs"), text(browser, "#runs"))
    check("the page says that there is none, and what the last one came to",
          "No migrations. The last one was that of db-1: completed." in
          text(browser, "#no-migrations"), text(browser, "#no-migrations"))
    browser.picture(f"{PICTURES}/none.png")


def the_daemon_goes_and_comes(browser, home, daemon):
    daemon.stop()
    check("a daemon that is gone is said to be", browser.wait_for(
        text_of("#notices") + ".includes('No daemon.')"),
        text(browser, "main"))
    check("and why", browser.wait_for(
        text_of("#notices") + ".includes('no daemon answers there')"),
          text(browser, "#notices"))
    check("nothing is claimed about migrations",
          not browser.run("document.getElementById('migrations')"
                          ".checkVisibility()"))
    browser.picture(f"{PICTURES}/no-daemon.png")
    daemon = Daemon(f"{home}/socket")
    daemon.tell(status=world(1), metrics=metrics(), history={"runs": []},
                show={"1": iterations(4)})
    check("when it is back, so are its migrations", browser.wait_for(
        "document.querySelectorAll('article.session').length === 4 && "
        "document.getElementById('notices').innerText.includes('Alert')"))
    return daemon


def without_events_it_asks(browser, exporter, daemon):
    browser.open("about:blank")
    peers = []
    for _ in range(32):
        peer = socket.create_connection(("127.0.0.1", exporter.port))
        peer.settimeout(PATIENCE_S)
        peer.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        peer.recv(12)
        peers.append(peer)
    browser.open(exporter.url)
    check("where there is no room for events, it asks every 2 s",
          browser.wait_for(text_of("#contact") + "==='live, every 2 s'"),
          text(browser, "#contact"))
    daemon.tell(status=status([session("7", "late")]))
    check("and sees what is new", browser.wait_for(
        text_of("article[data-session='7'] h3") + "==='late'"))
    for peer in peers:
        peer.close()
    browser.complaints()


def the_exporter_goes(browser, exporter):
    check("the exporter ends in good order", exporter.stop() == 0)
    check("the page says that it lost it", browser.wait_for(
        "document.getElementById('contact').dataset.state === 'lost'"))
    check("and how old its figures are", "figures of" in
          text(browser, "#contact"), text(browser, "#contact"))
    browser.picture(f"{PICTURES}/no-exporter.png")


if not chromium():
    skip("there is no Chromium here (package chromium)")
with folder() as home:
    daemon = Daemon(f"{home}/socket")
    daemon.tell(status=status(), metrics=metrics(), history={"runs": []})
    exporter = Exporter(f"{home}/socket")
    exporter.wait_for("the daemon", lambda s: s["status"])
    browser = Browser(home)
    try:
        browser.size(1400, 1000)
        nothing_goes_on(browser, exporter)
        migrations_appear_and_move(browser, daemon)
        everything_is_told(browser)
        hostile_names_stay_text(browser)
        it_fits(browser)
        migrations_end(browser, daemon)
        daemon = the_daemon_goes_and_comes(browser, home, daemon)
        found = [words for words in browser.complaints()
                 if "ERR_" not in words]
        check("nothing went wrong in the script meanwhile", found == [], found)
        without_events_it_asks(browser, exporter, daemon)
        the_exporter_goes(browser, exporter)
    finally:
        browser.stop()
        daemon.stop()
finish()
