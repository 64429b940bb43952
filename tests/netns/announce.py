#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""announce.py SOCKET DEVICE FAR-ADDRESS - what a migration is that was announced

The talking half of announce.sh.
"""
import json
import os
import socket
import subprocess
import sys
import time

failures = 0


def check(what, good, found=None):
    global failures
    print(("ok - " if good else "not ok - ") + what +
          ("" if good else f": {found}"), flush=True)
    failures += not good


def run(*words):
    return subprocess.run(words, check=True, capture_output=True,
                          text=True).stdout


def wait_for(what, function, seconds=15):
    until = time.monotonic() + seconds
    found = function()
    while not found and time.monotonic() < until:
        time.sleep(0.05)
        found = function()
    check(what, found, "did not happen")
    return found


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.events = []

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"id": 1, "command": command,
                                    "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            line = json.loads(self.file.readline())
            if "id" in line:
                return line.get("return"), line.get("error")
            self.events.append(line)

    def event(self, name):
        for event in self.events:
            if event["event"] == name:
                return event
        while True:
            event = json.loads(self.file.readline())
            self.events.append(event)
            if event["event"] == name:
                return event

    def close(self):
        self.file.close()
        self.socket.close()


def session(watcher):
    status, _ = watcher.ask("status")
    return status["sessions"][0] if status["sessions"] else {}


def announce(path, address, **more):
    client = Client(path)
    answer, error = client.ask(
        "announce", uuid="00000000-0000-4000-8000-000000000009", guest="vm9",
        destination=f"qemu+tcp://{address}/system", **more)
    client.close()
    return answer, error


def of_the_group(path, address, **more):
    """The same, by one who may steer and is not root."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setgroups([])
        os.setgid(1)
        os.setuid(65534)
        os.write(write, json.dumps(announce(path, address, **more)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        found = json.load(answer)
    os.wait()
    return found


def bounded(path, address):
    answer, error = announce(path, address, allow=["guarantee", "abort"])
    check("root may name a step that is not allowed by default",
          error is None and answer["refused"] == [], error or answer)
    answer, _ = announce(path, address, starter="drain",
                         allow=["guarantee", "abort", "auto-converge"])
    check("but none that its [starter] leaves out, or that QEMU is not ready for",
          answer["refused"] == ["auto-converge", "abort"], answer)
    answer, error = of_the_group(path, address, allow=["guarantee", "abort"])
    check("others get what the configuration has",
          error is None and answer["refused"] == ["abort"], error or answer)
    _, error = announce(path, address, protected=[
        {"expression": "host db and tcp", "rate_bytes_s": 1000}])
    check("nobody is looked up", error and error["class"] == "bad-argument" and
          "'db'" in error["message"], error)
    _, error = announce(path, address, protected=[
        {"expression": "tcp prt 1 or (", "rate_bytes_s": 1000}])
    check("what makes no sense is said at once",
          error and error["class"] == "bad-argument", error)


def steered(watcher, path, device, address):
    announcer = Client(path)
    answer, error = announcer.ask(
        "announce", uuid="00000000-0000-4000-8000-000000000001", guest="vm1",
        destination=f"qemu+tcp://{address}/system", deadline_s=300, margin=2,
        priority=8, allow=["guarantee", "ceiling"],
        protected=[{"expression": "tcp port 6379", "rate_bytes_s": 500000}])
    check("announced", error is None and answer["steers"], error or answer)
    check("what its link carries is told, as configured",
          answer["link_rate_bytes_s"] == 6250000, answer)
    announcer.ask("subscribe", session=answer["session"])
    begun = announcer.event("session-begun")["data"]
    check("it begins under its id", begun["session"] == answer["session"] and
          begun["document"]["starter"] == "vmferry", begun)
    wait_for("it is in force", lambda: session(watcher).get("in_force"))
    now = session(watcher)
    check("with what was asked for",
          (now["deadline_s"], now["priority"], now["ladder"]["allowed"]) ==
          (300, 8, ["guarantee", "ceiling"]) and
          now["destination"] == f"qemu+tcp://{address}/system", now)
    shown = run("tc", "class", "show", "dev", device)
    check("and what it protects", "rate 4Mbit" in shown, shown)
    decision = announcer.event("decision")["data"]["decision"]
    check("decisions are told", decision["step"] == "set" and
          decision["guarantee_bytes_s"] > 0 and decision["text"], decision)
    return announcer


def orphaned(watcher, announcer):
    before = session(watcher)
    announcer.close()
    wait_for("without its announcer it is others'",
             lambda: session(watcher).get("starter") == "others")
    now = session(watcher)
    check("the same session", now["session"] == before["session"], now)
    check("with the rights of others'", now["deadline_s"] is None and
          "post-copy" not in now["ladder"]["allowed"] and
          now["priority"] == 5, now)
    check("and still in force", now["in_force"], now)
    _, error = watcher.ask("cancel", session="vm1")
    check("which nobody cancels", error and error["class"] == "refused", error)
    metrics, _ = watcher.ask("metrics")
    check("decisions are counted", sum(
        one["count"] for one in metrics["decisions"]) > 0, metrics)
    check("and the time before it was in force", any(
        one["reason"] == "no-stream" or one["seconds"] > 0
        for one in metrics["not_in_force"]), metrics["not_in_force"])


def main():
    path, device, address = sys.argv[1:]
    watcher = Client(path)
    bounded(path, address)
    announcer = steered(watcher, path, device, address)
    orphaned(watcher, announcer)
    print(f"{failures} mistakes")
    return 1 if failures else 0


sys.exit(main())
