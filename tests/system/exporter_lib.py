# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of vmferry-exporter share.

A daemon that says what it is told to (tests/fakes/ctl-script.c), the exporter
in front of it, documents as of docs/protocol.md, HTTP by hand, and Chromium
over its debugging pipe. Nothing here sleeps: every wait is for something, and
fails aloud when it does not come.
"""
import atexit
import contextlib
import datetime
import fcntl
import http.client
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("VMFERRY_BUILD", "build")
SOURCE = os.environ.get("VMFERRY_SOURCE", ".")
SCRIPT = os.path.join(BUILD, "tests/fakes/ctl-script")
EXPORTER = os.path.join(BUILD, "tools/exporter/vmferry-exporter")
PATIENCE_S = 30  # for what should take a fraction of a second

failures = 0


def check(what, good, found=None):
    """One line a check; the test goes on and fails in finish()."""
    global failures
    if good:
        print(f"ok {what}", flush=True)
        return
    failures += 1
    print(f"not ok {what}" + (f": found {found!r}" if found is not None
                              else ""), flush=True)


def finish():
    print(f"{failures} failed" if failures else "all good", flush=True)
    sys.exit(1 if failures else 0)


def skip(why):
    print(f"SKIP {os.path.basename(sys.argv[0])}: {why}", flush=True)
    sys.exit(77)


# ---- the two programs

class Program:
    """A child whose lines are read one by one."""

    def __init__(self, *words, **more):
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1, **more)
        # whatever ends the test, nothing of it is left running
        atexit.register(self.process.kill)

    def line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        if not ready:
            raise AssertionError(f"{self.process.args[0]} says nothing")
        return self.process.stdout.readline().rstrip("\n")

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"{self.process.args[0]} does not end")
        self.process.stdout.close()
        return self.process.returncode


class Daemon(Program):
    def __init__(self, socket):
        super().__init__(SCRIPT, socket)
        if self.line() != "ready":
            raise AssertionError("the scripted daemon does not start")

    def tell(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        if self.line() != "ok":
            raise AssertionError("the scripted daemon ended: "
                                 f"{self.process.wait(PATIENCE_S)}")


class Exporter(Program):
    def __init__(self, socket, *options):
        super().__init__(EXPORTER, "--listen", "127.0.0.1:0", "--socket",
                         socket, *options)
        first = self.line()
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", first)
        if not match:
            raise AssertionError(f"the exporter said {first!r}")
        self.port = int(match[1])
        self.url = match[0]

    def ask(self, path, method="GET", headers=None):
        """Status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=PATIENCE_S)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def status(self):
        return json.loads(self.ask("/status.json")[2])

    def wait_for(self, what, condition):
        """Ask for the status until it is as it should be."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            status = self.status()
            if condition(status):
                return status
            # the exporter itself asks once a second; so often is enough
            select.select([], [], [], 0.1)
        raise AssertionError(f"never came: {what}; last: {status}")


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="vmferry-exporter-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# ---- documents of the protocol

def at(seconds_ago=0):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now - datetime.timedelta(seconds=seconds_ago)).isoformat(
        timespec="microseconds")


def interval(value, spread=0.2):
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value * (1 - spread),
            "high": value * (1 + spread)}


def decision(**more):
    return {"time": at(4), "t_s": 21.5, "iteration": 4, "step": "set",
            "reason": "convergence",
            "text": "24.0 Mbit/s keep it converging, 25 % over the 19.2 Mbit/s "
            "at which pages get dirty", "guarantee_bytes_s": 3000000,
            "ceiling_bytes_s": 6062500, "application_bytes_s": 0,
            "carried_out": True, **more}


def session(ident, guest, **more):
    return {
        "session": ident, "guest": guest,
        "uuid": f"6b2f2f6c-8c2f-4c3e-9c59-0c1f2b7a{int(ident):04d}",
        "destination": "qemu+ssh://host-2.example/system",
        "address": "10.0.1.2", "port": 49152, "starter": "vmferry",
        "starter_program": "vmferry", "starter_uid": 0, "mode": "enforce",
        "policy": "default", "priority": 0, "deadline_s": None,
        "downtime_limit_s": 0.3, "state": "precopy", "started": at(26),
        "elapsed_s": 26, "iteration": 4, "progress": 0.62,
        "remaining_bytes": 90e6, "bandwidth_bytes_s": 4.4e6,
        "dirty_bytes_s": 2.4e6, "sent_bytes": 310e6, "link": "eth1",
        "class": f"7666:{1000 + int(ident)}", "guarantee_bytes_s": 3000000,
        "ceiling_bytes_s": 6062500, "application_bytes_s": 0,
        "in_force": True, "not_in_force": None, "not_in_force_text": None,
        "forecast": {"end_s": interval(38.0), "downtime_s": interval(0.21),
                     "bytes": interval(160e6), "at": at(4)},
        "converges": True, "held": None, "decision": decision(),
        "ladder": {"allowed": ["guarantee", "order"], "offered": [],
                   "taken": [], "undone": []},
        "foreign": [], "advice": None, "recover": None, "warnings": [],
        **more}


def traffic_class(ident, role, owner, use, guarantee=0, **more):
    return {"id": ident, "role": role, "owner": owner,
            "guarantee_bytes_s": guarantee, "ceiling_bytes_s": 6062500,
            "use_bytes_s": use, "bytes": use * 60, "drops": 0,
            "backlog_bytes": 0, **more}


def link(name="eth1", classes=None, **more):
    classes = classes if classes is not None else [
        traffic_class("7666:2", "control", None, 4e3, 60000),
        traffic_class("7666:10", "rest", None, 1.1e6, 2e6)]
    return {"link": name, "ifindex": 3, "mac": "52:54:00:12:34:56",
            "state": "up", "capacity_bytes_s": 6250000,
            "capacity_source": "configured",
            "use_bytes_s": sum(c["use_bytes_s"] for c in classes),
            "guaranteed_bytes_s": sum(c["guarantee_bytes_s"]
                                      for c in classes),
            "sessions": [], "classes": [
                traffic_class("7666:1", "link", None, 6e6, 6062500)] + classes,
            "destinations": [], **more}


def queued(position, ident, guest, **more):
    return {"position": position, "session": ident, "guest": guest,
            "uuid": f"0d0a7cf2-2ad5-4f0c-8f3d-6a1b7f1f{int(ident):04d}",
            "destination": "qemu+ssh://host-2.example/system", "link": "eth1",
            "priority": 0, "reason": "network-intensive",
            "text": "it is network-intensive: db-1 goes first",
            "waiting_s": 14, "wait_most_s": 286, "forecast_start_s": 38,
            "forecast_time_s": 71, **more}


def track_record(n=0):
    entries = []
    for i in range(n):
        time_s = 40 + 17 * (i % 7)
        error = ((i * 37) % 41 - 20) / 100 * (2.5 if i % 9 == 8 else 0.7)
        entries.append({
            "session": str(900 + i), "guest": f"web-{i % 5}",
            "time": at(400 * (n - i)),
            "mode": "observe" if i < n / 3 else "enforce",
            "status": "completed", "at_iteration": 2,
            "forecast_time_s": interval(time_s * (1 + error), 0.12),
            "time_s": time_s, "forecast_downtime_s": 0.2,
            "downtime_s": 0.2 + 0.01 * (i % 5),
            "would_have": "24.0 Mbit/s would have been guaranteed"
            if i < n / 3 else None})
    return {"runs": n, "mode_observe_runs": n // 3,
            "time_error_median": 0.061 if n else None,
            "time_error_p90": 0.142 if n else None,
            "downtime_error_median": 0.11 if n else None,
            "downtime_error_p90": 0.2 if n else None,
            "coverage": 0.81 if n else None, "entries": entries}


def status(sessions=(), links=None, queue=(), record=None, alerts=(), **more):
    return {"protocol": 1, "time": at(),
            "daemon": {"version": "0.1.0", "pid": 4711, "host": "host-1",
                       "mode": "enforce", "disabled": None, "since": at(86000),
                       "libvirt": {"uri": "qemu:///system", "connected": True,
                                   "since": at(86000), "version": "9.0.0"},
                       "counters": {"sessions_begun": 3,
                                    "sessions_completed": 2,
                                    "sessions_failed": 1, "decisions": 21,
                                    "foreign_changes": 0}, **more},
            "sessions": list(sessions),
            "links": [link()] if links is None else links,
            "queue": list(queue), "track_record": record or track_record(),
            "alerts": list(alerts)}


def metrics(**more):
    histogram = {"bounds": [0.05, 0.1, 0.2, 0.5, 1, 2],
                 "counts": [40, 21, 9, 3, 1, 0, 0], "sum": 5.5}
    return {"time": at(), "started": at(86000), "mode": "enforce",
            "disabled": False,
            "sessions": {"begun": 74, "completed": 70, "failed": 3,
                         "cancelled": 1, "adopted": 2},
            "active": {"queued": 0, "preparing": 0, "precopy": 1,
                       "switchover": 0, "postcopy": 0},
            "decisions": [
                {"step": "set", "reason": "convergence", "count": 210},
                {"step": "keep", "reason": "small-change", "count": 433},
                {"step": "cannot", "reason": "capacity", "count": 5}],
            "ladder": [{"step": "guarantee", "taken": 9, "undone": 2}],
            "foreign_changes": [{"what": "maximum-speed", "count": 1}],
            "not_in_force": [{"reason": "nic-not-bottleneck",
                              "seconds": 32.5}],
            "forecast": {"time_error": histogram, "downtime_error": histogram,
                         "inside": 60, "outside": 14},
            "bytes": {"streams": 91e9, "foreign_in_class": 12e3},
            "control": {"clients": 2, "requests": 812, "refused": 3,
                        "dropped": 0}, **more}


def iteration(number, predicted, actual, **more):
    return {"iter": number, "merged": 1, "duration_ms": 5200.0,
            "pages_to_send": (actual or 1000) * 2, "page_bytes": 4096,
            "dirty_pages": actual, "predicted_pages": predicted,
            "predicted_low_pages": predicted * 0.7 if predicted else None,
            "predicted_high_pages": predicted * 1.4 if predicted else None,
            "planned_duration_s": 5.0, "model": "ensemble", "models": {},
            "final": False, **more}


# ---- Chromium

def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    """Chromium over --remote-debugging-pipe: JSON ended by NUL on descriptors
    3 and 4. No port, no library."""

    def __init__(self, home):
        to_read, self.out = os.pipe()
        self.inp, to_write = os.pipe()
        words = [chromium(), "--headless=new", "--disable-gpu",
                 "--no-first-run", "--disable-extensions",
                 "--disable-background-networking", "--hide-scrollbars",
                 "--disable-dev-shm-usage", "--disable-sync",
                 f"--user-data-dir={home}/chromium", "--remote-debugging-pipe"]
        if os.geteuid() == 0:
            words.append("--no-sandbox")

        def move():
            # away from 3 and 4 first, should they be there already
            high_in, high_out = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10)
                                 for fd in (to_read, to_write))
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self.process = subprocess.Popen(
            words + ["about:blank"], preexec_fn=move, pass_fds=(3, 4),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": home})
        os.close(to_read)
        os.close(to_write)
        self.buffer = b""
        self.number = 0
        self.events = []
        self.session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(t for t in targets if t["type"] == "page")
        self.session = self.call("Target.attachToTarget",
                                 targetId=page["targetId"],
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def message(self):
        end = time.monotonic() + 2 * PATIENCE_S
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.inp], [], [],
                                        max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError("Chromium says nothing")
            piece = os.read(self.inp, 1 << 20)
            if not piece:
                raise AssertionError("Chromium ended")
            self.buffer += piece
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def run(self, expression):
        """The value of a JavaScript expression; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=expression,
                           returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression):
        """Until the expression is true, looked at whenever the page changes."""
        return self.run("""new Promise((good, bad) => {
            const test = () => { try { return (%s); } catch (e) {
                return false; } };
            if (test()) { good(true); return; }
            const watch = new MutationObserver(() => { if (test()) {
                watch.disconnect(); good(true); } });
            watch.observe(document, {subtree: true, childList: true,
                attributes: true, characterData: true});
            setTimeout(() => good(false), %d);
        })""" % (expression, PATIENCE_S * 1000))

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && "
                      "location.href !== 'about:blank'")

    def size(self, width, height=900, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])

    def picture(self, path):
        import base64
        result = self.call("Page.captureScreenshot", format="png",
                           captureBeyondViewport=True)
        with open(path, "wb") as out:
            out.write(base64.b64decode(result["data"]))

    def complaints(self):
        """What the console, the policy or the script complained about."""
        self.run("0")
        found = []
        for event in self.events:
            method, data = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(data["exceptionDetails"].get("text", "") + " " +
                             str(data["exceptionDetails"].get(
                                 "exception", {}).get("description", "")))
            elif method == "Log.entryAdded":
                found.append(data["entry"]["text"] + " " +
                             data["entry"].get("url", ""))
            elif (method == "Runtime.consoleAPICalled" and
                  data.get("type") in ("error", "warning")):
                found.append(str(data["args"]))
        self.events = []
        return found

    def stop(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (AssertionError, OSError):
            pass
        os.close(self.out)
        os.close(self.inp)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
