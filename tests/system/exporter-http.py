#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""exporter-http.py - vmferry-exporter as Prometheus and strangers meet it

The format of /metrics by a strict reader of its own (and by promtool, where
there is one), the page of docs, the rules and the dashboard against what is
really printed, limits, and a daemon that comes and goes. No privilege needed.
"""
import re
import shutil
import socket

from exporter_lib import *

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?"
                    r"(?:e[+-]?\d+)?)" % NAME)


def read_metrics(text):
    """Families by name: {"type", "help", "samples": [(name, labels, value)]}.
    Everything that the format forbids is an AssertionError."""
    families, seen, current = {}, set(), None
    assert text.endswith("\n"), "the last line is not ended"
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, words = re.fullmatch(r"# HELP (%s) (.+)" % NAME,
                                       line).groups()
            assert name not in families, f"{name} comes twice"
            current = families[name] = {"help": words, "samples": []}
            continue
        if line.startswith("# TYPE "):
            name, kind = re.fullmatch(
                r"# TYPE (%s) (gauge|counter|histogram)" % NAME, line).groups()
            assert families.get(name) is current and "type" not in current, line
            current["type"] = kind
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        name, inside, value = match.groups()
        base = name
        if current["type"] == "histogram":
            base = re.sub("_(bucket|sum|count)$", "", name)
        assert families.get(base) is current, f"{name} is not in its family"
        labels = LABELS.findall(inside or "")
        assert LABELS.sub("", inside or "") == "", f"labels: {line!r}"
        assert len({key for key, _ in labels}) == len(labels), line
        key = (name, tuple(sorted(labels)))
        assert key not in seen, f"twice: {line!r}"
        seen.add(key)
        number = float(value)
        assert current["type"] == "gauge" or not number < 0, line
        current["samples"].append((name, dict(labels), number))
    for name, family in families.items():
        assert "type" in family, f"{name} has no type"
        counts = [v for n, l, v in family["samples"] if n.endswith("_bucket")]
        assert counts == sorted(counts), f"{name} is not accumulated"
    return families


def full_status(name="a"):
    # the session's link has another class, another destination, a queue
    return status([session("1", name, deadline_s=500)],
                  [link(destinations=[{"address": "10.0.0.1",
                                       "capacity_bytes_s": 5e6}])],
                  [queued(1, "2", "b")], track_record(20),
                  [{"alert": "store", "since": at(), "link": None,
                    "text": "x"}])


def metrics_are_right(exporter):
    code, headers, text = exporter.ask("/metrics")
    check("/metrics is answered", code == 200, code)
    check("its type is told", headers["Content-Type"] ==
          "text/plain; version=0.0.4; charset=utf-8", headers["Content-Type"])
    families = read_metrics(text)
    check("all families have samples when everything is known", [] ==
          [n for n, f in families.items() if not f["samples"]],
          [n for n, f in families.items() if not f["samples"]])
    check("counters are _total and nothing else is",
          all(n.endswith("_total") == (f["type"] == "counter")
              for n, f in families.items()))
    units = ("_seconds", "_bytes", "_bytes_per_second", "_ratio", "_info")
    plain = ("state", "mode", "up", "active", "connected", "disabled", "force",
             "converges", "held", "iteration", "length", "clients", "streams",
             "runs", "sessions", "out")
    odd = [n for n, f in families.items() if f["type"] == "gauge" and
           not n.endswith(units) and n.rsplit("_", 1)[1] not in plain]
    check("gauges end with their base unit", odd == [], odd)
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text,
                              text=True, capture_output=True, check=False)
        check("promtool takes the metrics", done.returncode == 0 and
              not done.stderr, done.stdout + done.stderr)
        done = subprocess.run(
            ["promtool", "check", "rules",
             f"{SOURCE}/tools/exporter/vmferry.rules.yml"], text=True,
            capture_output=True, check=False)
        check("promtool takes the rules", done.returncode == 0,
              done.stdout + done.stderr)
    else:
        print("SKIP promtool (package prometheus) is not here: the format was "
              "checked by this test's own reader alone")
    return families


def words_agree(families):
    """docs/metrics.md, the rules and the dashboard name what there is."""
    with open(f"{SOURCE}/docs/metrics.md", encoding="utf-8") as page:
        rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")]
                for line in page if line.startswith("| `")]
    told = {row[0].strip("`"): row for row in rows}
    check("docs/metrics.md names each metric once", len(told) == len(rows))
    missing = sorted(set(families) ^ set(told))
    check("docs/metrics.md and the exporter have the same metrics",
          missing == [], missing)
    for name, family in families.items():
        row = told.get(name, ["", "", "", ""])
        labels = {key for _, l, _ in family["samples"] for key in l} - {"le"}
        found = {row_label for row_label in re.findall("`([^`]+)`", row[2])}
        good = (row[1] == family["type"] and found == labels and
                row[3] + "." == family["help"])
        if not good:
            check(f"docs/metrics.md on {name}", False,
                  (row, family["type"], labels, family["help"]))
    known = set(families)
    for name, family in families.items():
        if family["type"] == "histogram":
            known |= {name + "_bucket", name + "_sum", name + "_count"}
    for path in ("vmferry.rules.yml", "vmferry-dashboard.json"):
        with open(f"{SOURCE}/tools/exporter/{path}", encoding="utf-8") as file:
            text = file.read()
        used = set(re.findall(r"\bvmferry_[a-z0-9_]+", text))
        check(f"{path} uses metrics that there are", used and used <= known,
              sorted(used - known))
    # and labels that they have, in selectors and in what they are grouped by
    labels = {name: {key for _, l, _ in family["samples"] for key in l}
              for name, family in families.items()}
    with open(f"{SOURCE}/tools/exporter/vmferry.rules.yml",
              encoding="utf-8") as file:
        rules = file.read()
    for name, inside in re.findall(r"(vmferry_\w+)\{([^}]*)\}", rules):
        wanted = set(re.findall(r"(\w+)=", inside))
        check(f"the rules select {name} by labels that it has",
              wanted <= labels[name], wanted - labels[name])
    check("there are rules, each with a summary",
          rules.count("- alert:") == rules.count("summary:") >= 10)
    with open(f"{SOURCE}/tools/exporter/vmferry-dashboard.json",
              encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    spots = [(p["gridPos"]["x"] + dx, p["gridPos"]["y"] + dy) for p in panels
             for dx in range(p["gridPos"]["w"])
             for dy in range(p["gridPos"]["h"])]
    check("no panels of the dashboard overlap", len(spots) == len(set(spots)))
    check("none lies outside", all(x < 24 for x, _ in spots))


def strangers_are_refused(exporter):
    cases = [
        ("POST", "/metrics", {}, 405), ("DELETE", "/", {}, 405),
        ("OPTIONS", "/", {}, 405), ("GET", "/nothing", {}, 404),
        ("GET", "//", {}, 404), ("GET", "/../etc/passwd", {}, 404),
        ("GET", "/metrics?x=" + "y" * 400, {}, 200),
        ("GET", "/" + "y" * 600, {}, 414),
        ("GET", "/metrics?x=" + "y" * 600, {}, 414),
        ("GET", "/status.json", {"Host": "evil.example"}, 421),
        ("GET", "/status.json", {"Host": "evil.example:9177"}, 421),
        ("GET", "/status.json", {"Host": "localhost.evil.example"}, 421),
        ("GET", "/status.json", {"Host": "localhost:9177"}, 200),
        ("GET", "/status.json", {"Host": "[::1]:9177"}, 200),
        ("GET", "/healthz", {}, 200), ("HEAD", "/", {}, 200),
        ("HEAD", "/metrics", {}, 200), ("HEAD", "/events", {}, 404),
    ]
    for method, path, headers, want in cases:
        code, answer, body = exporter.ask(path, method, headers)
        what = f"{method} {path[:20]} {headers.get('Host', '')}".strip()
        check(f"{what} is {want}", code == want, code)
        if method == "HEAD":
            check(f"{what} has no body", body == "")
        if want == 405:
            check(f"{what} names what is allowed",
                  answer["Allow"] == "GET, HEAD")
    _, headers, _ = exporter.ask("/")
    policy = headers["Content-Security-Policy"]
    check("the page's policy begins with nothing",
          policy.startswith("default-src 'none'"), policy)
    check("it allows no inline and no eval", "unsafe" not in policy, policy)
    check("types are not guessed",
          headers["X-Content-Type-Options"] == "nosniff")
    long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20000
    answer = talk(exporter, long + b"\r\n\r\n")
    check("headers without end are refused", b" 431 " in answer.split(b"\n")[0]
          or b" 413 " in answer.split(b"\n")[0] or answer == b"", answer[:80])
    for bytes_ in (b"\0\1\2\r\n\r\n", b"GET\r\n\r\n",
                   b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50):
        talk(exporter, bytes_)
    code, _, _ = exporter.ask("/healthz")
    check("after all that it serves", code == 200)


def talk(exporter, request):
    with socket.create_connection(("127.0.0.1", exporter.port),
                                  PATIENCE_S) as peer:
        answer = b""
        try:  # it may have answered and gone before all of this was sent
            peer.sendall(request)
            peer.shutdown(socket.SHUT_WR)
        except TimeoutError:
            raise
        except OSError:
            pass
        try:
            while piece := peer.recv(65536):
                answer += piece
        except ConnectionError:
            pass
        return answer


def slow_clients_are_dropped(exporter):
    """One that sends nothing, one that sends a byte now and then, one that
    reads events and takes nothing of them."""
    began = time.monotonic()
    silent = socket.create_connection(("127.0.0.1", exporter.port))
    dripping = socket.create_connection(("127.0.0.1", exporter.port))
    dripping.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    open_, dropped = {silent, dripping}, {}
    while open_ and time.monotonic() - began < PATIENCE_S:
        ready, _, _ = select.select(open_, [], [], 1)
        for peer in ready:
            try:
                gone = peer.recv(4096) == b""
            except ConnectionResetError:
                gone = True
            if gone:
                dropped[peer] = time.monotonic() - began
                open_.discard(peer)
        if dripping in open_:
            try:
                dripping.send(b"y")
            except OSError:
                dropped[dripping] = time.monotonic() - began
                open_.discard(dripping)
    silent.close()
    dripping.close()
    check("one that sends nothing is dropped", silent in dropped)
    check("one that sends a byte a second is dropped too, within 20 s",
          dropped.get(dripping, 99) < 20, dropped.get(dripping))


def streams_are_limited(exporter, daemon):
    """32 may read events; those that do not take them are hung up on."""
    request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    peers, codes = [], []
    for _ in range(36):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", exporter.port))
        peer.settimeout(PATIENCE_S)
        peer.sendall(request)
        codes.append(peer.recv(12))
        peers.append(peer)
    check("32 clients may read events", codes.count(b"HTTP/1.1 200") == 32,
          codes.count(b"HTTP/1.1 200"))
    check("others are told to come later",
          codes.count(b"HTTP/1.1 503") == 4, codes.count(b"HTTP/1.1 503"))
    code, _, _ = exporter.ask("/metrics")
    check("and Prometheus is served all the same", code == 200)
    # so much that it does not fit into the sockets' buffers
    daemon.tell(status=status([session(str(i), f"guest-{i}-" + "x" * 20000)
                               for i in range(1, 100)]))
    # each question is answered with megabytes of such names, which takes seconds
    # on a busy machine
    end = time.monotonic() + 3 * PATIENCE_S
    streams = -1
    while streams != 0 and time.monotonic() < end:
        families = read_metrics(exporter.ask("/metrics")[2])
        streams = families["vmferry_exporter_event_streams"]["samples"][0][2]
        select.select([], [], [], 0.5)
    check("clients that do not read are hung up on", streams == 0, streams)
    for peer in peers:
        peer.close()


def the_daemon_comes_and_goes(home):
    path = f"{home}/later"
    exporter = Exporter(path)
    try:
        first = exporter.wait_for("it says why", lambda s: "no daemon" in
                                  s["exporter"]["why"])
        check("without a daemon it says so", not first["exporter"]["daemon_up"]
              and first["status"] is None, first["exporter"])
        families = read_metrics(exporter.ask("/metrics")[2])
        check("vmferry_daemon_up is 0",
              families["vmferry_daemon_up"]["samples"][0][2] == 0)
        check("nothing is claimed about migrations",
              families["vmferry_sessions"]["samples"] == [])
        daemon = Daemon(path)
        daemon.tell(status=full_status(), metrics=metrics(),
                    history={"runs": []})
        exporter.wait_for("the daemon", lambda s: s["exporter"]["daemon_up"]
                          and s["status"])
        check("it finds the daemon that came later", True)
        daemon.tell(silent=True)
        exporter.wait_for("that it is silent", lambda s: not
                          s["exporter"]["daemon_up"])
        check("a daemon that does not answer is none", True)
        daemon.stop()
        daemon = Daemon(path)
        daemon.tell(status=full_status("z"), metrics=metrics(),
                    history={"runs": []})
        exporter.wait_for("the next one", lambda s: s["status"] and
                          s["status"]["sessions"][0]["guest"] == "z")
        check("and the next one is found again", True)
        daemon.stop()
        exporter.wait_for("that it is gone", lambda s: not
                          s["exporter"]["daemon_up"])
        check("one that ended is gone", True)
    finally:
        code = exporter.stop()
    check("SIGTERM ends it in good order", code == 0, code)


with folder() as home:
    daemon = Daemon(f"{home}/socket")
    daemon.tell(status=full_status(), metrics=metrics(), history={"runs": []})
    exporter = Exporter(f"{home}/socket")
    exporter.wait_for("the daemon", lambda s: s["status"])
    families = metrics_are_right(exporter)
    words_agree(families)
    strangers_are_refused(exporter)
    slow_clients_are_dropped(exporter)
    streams_are_limited(exporter, daemon)
    daemon.tell(status=full_status('"\\\n}\t<b>é'))
    exporter.wait_for("the odd name", lambda s: s["status"] and
                      s["status"]["sessions"][0]["guest"][:1] == '"')
    families = read_metrics(exporter.ask("/metrics")[2])
    name = families["vmferry_session_info"]["samples"][0][1]["guest"]
    check("a guest's odd name is escaped", name == '\\"\\\\\\n}\t<b>é', name)
    check("it ends in good order", exporter.stop() == 0)
    daemon.stop()
    the_daemon_comes_and_goes(home)
finish()
