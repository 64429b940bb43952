#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-service.py VMFERRYD - the service as its manager sees it

The manager is played: a socket for sd_notify, signals, an environment. libvirt
is its own test driver, which needs no daemon. No guest and no link is touched.
"""
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

VMFERRYD = sys.argv.pop(1)

GOOD = """\
[daemon]
connect=test:///default
history=none
records=none
journal={0}/journal.db
log=info
[control]
socket={0}/control.sock
"""


class Service(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="vmferryd-")
        self.conf = os.path.join(self.dir, "vmferry.conf")
        self.write(GOOD)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(os.path.join(self.dir, "notify"))
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stderr.close()
        self.manager.close()
        shutil.rmtree(self.dir)

    def write(self, text):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text.format(self.dir))

    def start(self, **more):
        environment = dict(os.environ,
                           VMFERRY_DISABLED=os.path.join(self.dir, "disabled"),
                           **more)
        process = subprocess.Popen(
            [VMFERRYD, "--config", self.conf, "--run-dir",
             os.path.join(self.dir, "run")],
            env=environment, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def start_watched(self, **more):
        return self.start(NOTIFY_SOCKET=os.path.join(self.dir, "notify"),
                          **more)

    def told(self, wanted, seconds=20):
        """Datagrams until one has the line; returns it."""
        end = time.monotonic() + seconds
        heard = []
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.manager], [], [], left)[0]:
                self.fail(f"'{wanted}' did not come; heard {heard}")
            text = self.manager.recv(65536).decode()
            if wanted in text.split("\n"):
                return text
            heard.append(text)

    def said(self, process, wanted):
        """Lines of standard error until one has the text."""
        heard = []
        signal.alarm(20)  # ends the test program, loudly
        for line in process.stderr:
            if wanted in line:
                signal.alarm(0)
                return line
            heard.append(line)
        self.fail(f"'{wanted}' was not said, but {heard}")

    def test_life(self):
        process = self.start_watched()
        self.assertIn("STATUS=", self.told("READY=1"))
        process.send_signal(signal.SIGHUP)
        self.assertIn("MONOTONIC_USEC=", self.told("RELOADING=1"))
        self.told("READY=1")
        process.send_signal(signal.SIGTERM)
        self.told("STOPPING=1")
        self.assertEqual(process.wait(20), 0)

    def test_watchdog(self):
        process = self.start_watched(WATCHDOG_USEC="200000")
        self.told("READY=1")
        for _ in range(3):
            self.told("WATCHDOG=1", 2)
        # stopped, its loop gives no sign; systemd would kill it
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        while select.select([self.manager], [], [], 0)[0]:
            self.manager.recv(65536)
        self.assertEqual(select.select([self.manager], [], [], 1)[0], [])
        process.send_signal(signal.SIGCONT)
        self.told("WATCHDOG=1", 2)

    def test_abstract_socket(self):
        self.manager.close()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"vmferryd-test-{os.getpid()}"
        self.manager.bind("\0" + name)
        self.start(NOTIFY_SOCKET="@" + name)
        self.told("READY=1")

    def test_two_exclude_each_other(self):
        first = self.start_watched()
        self.told("READY=1")
        second = self.start()
        self.assertEqual(second.wait(20), 1)
        self.assertIn(str(first.pid), second.stderr.read())
        first.kill()
        first.wait()
        self.start_watched()
        self.told("READY=1")

    def test_reload_with_mistakes_keeps_what_holds(self):
        process = self.start_watched()
        self.told("READY=1")
        self.write(GOOD + "[guest a]\nmoode=enforce\nmode=enforced\n")
        process.send_signal(signal.SIGHUP)
        self.said(process, "vmferry.conf:10: [guest a] has no key 'moode'")
        self.said(process, "vmferry.conf:11: [guest a]: mode=enforced")
        self.told("READY=1")
        self.write(GOOD + "[guest a]\nmode=enforce\n")
        process.send_signal(signal.SIGHUP)
        self.said(process, "[guest a] mode: not set -> enforce")
        self.assertIsNone(process.poll())

    def test_a_configuration_with_mistakes_is_no_start(self):
        self.write("[nowhere]\n[daemon]\nmode=x\n")
        process = self.start()
        self.assertEqual(process.wait(20), 1)
        said = process.stderr.read()
        self.assertIn("vmferry.conf:1: there is no section [nowhere]", said)
        self.assertIn("vmferry.conf:3: [daemon]: mode=x", said)

    def test_the_switch(self):
        process = self.start_watched()
        self.told("READY=1")
        switch = os.path.join(self.dir, "disabled")
        # As `vmferry disable' does it: with its reason from the first moment.
        with open(switch + ".new", "w", encoding="utf-8") as file:
            file.write("it hurts\n")
        os.rename(switch + ".new", switch)
        self.assertIn("it hurts", self.said(process, "switched off"))
        os.unlink(switch)
        self.said(process, "switched on again")

    def check(self, *words):
        return subprocess.run([VMFERRYD, *words], capture_output=True,
                              text=True, check=False)

    def test_check_config(self):
        done = self.check("--check-config", self.conf)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = self.check("--check-config", "--config", self.conf)
        self.assertEqual(done.returncode, 0)
        done = self.check("--show-config", self.conf)
        self.assertIn("[ladder]\nallow=guarantee order wait ceiling\n",
                      done.stdout)
        self.write("[guest web-*]\nmode=enforce\n"
                   "[destination 10.0.0.0/8]\npriority=7\n")
        done = self.check("--explain", "web-1", "--destination", "10.1.0.1",
                          self.conf)
        self.assertIn("mode = enforce, from [guest web-*] (line 1)\n",
                      done.stdout)
        self.assertIn("priority = 7, from [destination 10.0.0.0/8] (line 3)\n",
                      done.stdout)
        self.assertIn("allow = guarantee order wait,", done.stdout)
        done = self.check("--explain", "web-1", "--starter", "drain", self.conf)
        self.assertIn("allow = guarantee order wait ceiling,", done.stdout)
        done = self.check("--starter", "drain", self.conf)
        self.assertEqual(done.returncode, 2)
        self.write("[daemon]\nmodus=enforce\n[queue]\nparallel=-1\n"
                   "[protect a]\nrate=1mbit\nmatch=((\n")
        done = self.check("--check-config", self.conf)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        self.write("[protect a]\nrate=1mbit\nmatch=((\n")
        done = self.check("--check-config", self.conf)
        self.assertEqual(done.returncode, 1)
        self.assertIn(":1: [protect a]", done.stderr)
        done = self.check("--check-config", os.path.join(self.dir, "none"))
        self.assertEqual(done.returncode, 1)
        done = self.check("surplus")
        self.assertEqual(done.returncode, 2)


unittest.main(verbosity=2)
