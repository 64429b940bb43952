#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""control.py VMFERRYD - the real daemon's control socket, without a guest

The daemon watches libvirt's built-in test hypervisor, on which nothing ever
migrates. So this is about who is told what: announcements, their end, modes,
reloads, and the clients that come and go.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

UUID = "6b2f2f6c-8c2f-4c3e-9c59-0c1f2b7a7d11"
failures = 0


def check(what, good, found=None):
    global failures
    if not good:
        failures += 1
        print(f"not ok - {what}: {found}")


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.greeting = json.loads(self.file.readline())["greeting"]
        self.last = 0
        self.events = []

    def line(self):
        return json.loads(self.file.readline())

    def event(self, name):
        for event in self.events:
            if event["event"] == name:
                self.events.remove(event)
                return event
        while True:
            event = self.line()
            if event.get("event") == name:
                return event

    def ask(self, command, **arguments):
        self.last += 1
        self.file.write(json.dumps({"id": self.last, "command": command,
                                    "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = self.line()
            if "event" not in answer:
                break
            self.events.append(answer)
        assert answer["id"] == self.last
        return answer.get("return"), answer.get("error")

    def close(self):
        self.file.close()
        self.socket.close()


class Daemon:
    def __init__(self, program, mode):
        self.place = tempfile.mkdtemp(prefix="control-")
        os.chmod(self.place, 0o755)
        self.path = os.path.join(self.place, "control.sock")
        self.config = os.path.join(self.place, "vmferry.conf")
        self.configure(mode)
        self.log = open(os.path.join(self.place, "log"), "w+",
                        encoding="utf-8")
        self.process = subprocess.Popen(
            [program, "--config", self.config, "--run-dir",
             os.path.join(self.place, "run")],
            env={**os.environ,
                 "VMFERRY_DISABLED": os.path.join(self.place, "disabled")},
            stdout=self.log, stderr=self.log)
        until = time.monotonic() + 20
        while True:
            try:
                Client(self.path).close()
                return
            except OSError:
                if self.process.poll() is not None or \
                        time.monotonic() > until:
                    print(self.told())
                    raise
                time.sleep(0.01)

    def configure(self, mode, control=""):
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f"[daemon]\nmode={mode}\nconnect=test:///default\n"
                      f"history=none\njournal={self.place}/journal.db\n"
                      f"records={self.place}/records\n"
                      f"[control]\nsocket={self.path}\n{control}"
                      "[queue]\nparallel=1\nwait-max=10min\n")

    def told(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()

    def wait_for(self, words):
        until = time.monotonic() + 20
        while words not in self.told() and time.monotonic() < until:
            time.sleep(0.01)
        check(f"the log says '{words}'", words in self.told(), self.told())

    def stop(self):
        self.process.terminate()
        status = self.process.wait(20)
        check("it ends well", status == 0, f"{status}\n{self.told()}")
        check("its socket is gone", not os.path.exists(self.path))
        self.log.close()
        shutil.rmtree(self.place)


def announce(client, uuid=UUID, **more):
    return client.ask("announce", uuid=uuid, guest="vm-a",
                      destination="qemu+ssh://b/system", **more)


def documents(daemon):
    client = Client(daemon.path)
    status, error = client.ask("status")
    check("status", error is None and status["daemon"]["mode"] == "enforce"
          and status["sessions"] == [] and status["links"] == []
          and status["track_record"]["runs"] == 0
          and status["daemon"]["pid"] == daemon.process.pid, status or error)
    for command, member in (("queue", "queue"), ("history", "runs"),
                            ("metrics", "sessions"), ("version", "rights")):
        answer, error = client.ask(command)
        check(command, answer is not None and member in answer, error)
    for command in ("show", "hold", "release", "cancel"):
        _, error = client.ask(command, session="nobody")
        check(f"{command} of nobody", error and
              error["class"] == "not-found" and "'nobody'" in error["message"],
              error)
    _, error = client.ask("show", session="../../etc/passwd")
    check("show leads nowhere else", error["class"] == "not-found", error)
    client.close()


def announcements(daemon):
    ours, others = Client(daemon.path), Client(daemon.path)
    first, error = announce(ours, deadline_s=60, allow=["post-copy"],
                            parent="1:10", protected=[
                                {"expression": "tcp", "rate_bytes_s": 1e6}])
    check("announced", error is None and first["steers"] and
          first["admitted"] and first["mode"] == "enforce", error or first)
    _, error = announce(others, UUID.upper())
    check("nobody else may", error and error["class"] == "refused" and
          first["session"] in error["message"], error)
    _, error = others.ask("withdraw", session=first["session"])
    check("nor withdraw it", error["class"] == "not-found", error)
    again, error = announce(ours)
    check("we may say it anew", error is None and
          again["session"] != first["session"], error)
    _, error = ours.ask("withdraw", session=first["session"])
    check("what was replaced is gone", error["class"] == "not-found", error)
    _, error = ours.ask("withdraw", session=again["session"])
    check("withdrawn", error is None, error)
    answer, error = announce(others, steer="self")
    check("who steers itself", error is None and not answer["steers"], error)
    answer, error = announce(others, link_device="eth9",
                             link_rate_bytes_s=6250000)
    check("what its link carries is told", error is None and
          answer["link_rate_bytes_s"] == 6250000, error or answer)
    answer, error = announce(others, policy="none")
    check("null where that is not known", error is None and
          answer["link_rate_bytes_s"] is None, error or answer)
    check("then it is free", error is None and answer["steers"], error)
    others.close()
    daemon.wait_for("which announced it, is gone")
    answer, error = announce(ours)
    check("and free again when its announcer is gone", error is None, error)
    ours.close()


def turns(daemon):
    def enter(number):
        client = Client(daemon.path)
        client.ask("subscribe")
        answer, error = client.ask(
            "announce", uuid=UUID[:-1] + str(number), guest=f"vm-{number}",
            destination=f"qemu+tcp://10.9.9.{number}/system",
            link_device="lo", link_rate_bytes_s=12500000,
            memory_bytes=1 << 30, queue=True)
        check(f"vm-{number} enters", error is None, error)
        return client, answer

    def queued():
        answer, _ = watcher.ask("queue")
        return [(one["position"], one["guest"], one["reason"])
                for one in answer["queue"]]

    watcher = Client(daemon.path)
    first, answer = enter(1)
    session = answer["session"]
    check("the first goes at once", answer["admitted"], answer)
    second, answer = enter(2)
    check("the second waits, and is told why", not answer["admitted"] and
          answer["reason"], answer)
    third, answer = enter(3)
    check("the third too", not answer["admitted"], answer)
    metrics, _ = watcher.ask("metrics")
    check("nothing was decided yet", metrics["decisions"] == [] and
          metrics["not_in_force"] == [] and metrics["ladder"] == [] and
          metrics["foreign_changes"] == [], metrics)
    check("and are counted", metrics["active"]["queued"] == 2,
          metrics["active"])
    status, _ = watcher.ask("status")
    waits = status["queue"][0]
    check("the status shows it", waits["guest"] == "vm-2" and
          waits["link"] == "lo" and waits["text"] and
          0 < waits["wait_most_s"] <= 600 and
          waits["forecast_start_s"] > 10 and waits["forecast_time_s"] > 80,
          waits)
    check("in order", queued() == [(1, "vm-2", "order"), (2, "vm-3", "order")],
          queued())
    answer, error = watcher.ask("set", session="vm-3", priority=9)
    check("priority can be set", error is None and
          answer["changed"] == ["priority"], error or answer)
    check("and goes first", [one[1] for one in queued()] == ["vm-3", "vm-2"],
          queued())
    _, error = watcher.ask("hold", session="vm-3")
    check("it can be held", error is None and
          ("held" in [one[2] for one in queued() if one[1] == "vm-3"]),
          error or queued())
    _, error = first.ask("withdraw", session=session)
    check("the first gives up", error is None, error)
    event = second.event("session-admitted")
    check("so the second goes, as the third is held",
          event["data"]["session"] != session, event)
    check("and waits no more", [one[1] for one in queued()] == ["vm-3"],
          queued())
    _, error = watcher.ask("cancel", session="vm-3", reason="lunch")
    check("one that waits can be cancelled", error is None, error)
    event = third.event("session-ended")
    check("and is told so", event["data"]["status"] == "cancelled" and
          "lunch" in event["data"]["message"], event)
    check("nobody waits", queued() == [], queued())
    for client in (watcher, first, second, third):
        client.close()


def modes(daemon):
    client = Client(daemon.path)
    client.ask("subscribe", events=["mode"])
    daemon.configure("observe")
    answer, error = client.ask("reload")
    event = client.event("mode")
    check("and so does an event", event["data"]["mode"] == "observe", event)
    check("reload tells what changed", error is None and
          any("observe" in line for line in answer["changed"]),
          error or answer)
    answer, error = announce(client)
    check("observed, nothing is steered", error is None and
          not answer["steers"] and "observe" in answer["reason"],
          error or answer)
    answer, error = announce(client, policy="none")
    check("but what needs no steering", error is None and answer["steers"],
          error)
    daemon.configure("sometimes")
    _, error = client.ask("reload")
    check("a mistake is refused with its line", error and
          error["class"] == "refused" and ":2: " in error["message"] and
          "sometimes" in error["message"], error)
    answer, _ = client.ask("status")
    check("and changes nothing", answer["daemon"]["mode"] == "observe", answer)
    client.close()


def switch(daemon):
    client = Client(daemon.path)
    before = daemon.told().count("switched off")
    _, error = client.ask("disable", now=True)
    check("disabled", error is None, error)
    metrics, _ = client.ask("metrics")
    check("all is off when that is answered", metrics["disabled"], metrics)
    daemon.wait_for("switched off")
    _, error = client.ask("enable")
    check("enabled", error is None, error)
    metrics, _ = client.ask("metrics")
    check("likewise", not metrics["disabled"], metrics)
    daemon.wait_for("switched on again")
    check("it is said once", daemon.told().count("switched off") == before + 1,
          daemon.told())
    client.close()


def as_stranger(daemon, group, command):
    """What one who is nobody, in that group, is told; 'turned away'."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(group)
        os.setuid(65534)
        try:
            client = Client(daemon.path)
            _, error = client.ask(command, session="nobody") \
                if command == "hold" else client.ask(command)
            told = error["class"] if error else "done"
        except KeyError:
            told = "turned away"
        os.write(into, told.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(into)
    with os.fdopen(out) as end:
        return end.read()


def rights(daemon):
    if os.getuid() != 0:
        print("# rights: not tried, takes root")
        return
    reader, steerer = 1, 2  # daemon and bin, on every Debian
    check("who is in no group", as_stranger(daemon, reader, "status") ==
          "turned away")
    daemon.configure("enforce", "read-group=daemon\nsteer-group=bin\n")
    client = Client(daemon.path)
    answer, error = client.ask("reload")
    check("groups are taken at a reload", error is None and
          not any("restart" in line for line in answer["changed"]),
          error or answer)
    check("readers look", as_stranger(daemon, reader, "status") == "done")
    for command in ("hold", "disable", "enable", "reload"):
        told = as_stranger(daemon, reader, command)
        check(f"readers do not {command}", told == "not-permitted", told)
    told = as_stranger(daemon, steerer, "hold")
    check("steerers may", told == "not-found", told)
    metrics, _ = client.ask("metrics")
    check("nothing was switched off", not metrics["disabled"], metrics)
    client.close()


def main():
    daemon = Daemon(sys.argv[1], "enforce")
    try:
        documents(daemon)
        announcements(daemon)
        turns(daemon)
        modes(daemon)
        switch(daemon)
        rights(daemon)
    finally:
        daemon.stop()
    print(f"{failures} mistakes")
    return 1 if failures else 0


sys.exit(main())
