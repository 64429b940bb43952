#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""traffic.py - the traffic matrix on a real bridge, beside the kernel's counters

usage: traffic.py VMFERRY-TRAFFIC

    a, b, c: namespaces that play guests      up: one that plays the world
         |   |   |                             |
       tapa tapb tapc ------- br0 ----------- tapu

What a guest sends arrives on its port: rx_bytes there is what its row of the
matrix has to be. Frames are sent by iperf3 and by this script itself, which
knows how many they were. Takes some 8 seconds.
"""
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

GUESTS = {"a": 1, "b": 2, "c": 3, "u": 9}


def sh(*words):
    return subprocess.run(words, check=True, capture_output=True,
                          text=True).stdout


def mac(number):
    return f"52:54:00:00:00:{number:02x}"


def raw_mac(number):
    return bytes([0x52, 0x54, 0, 0, 0, number])


# ---- in a guest: traffic.py --send KIND ...

def send_main(words):
    kind, destination, count, size = (words[0], int(words[1]), int(words[2]),
                                      int(words[3]))
    if kind == "raw":
        # any further words are tags
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind(("eth0", 0))
        own = raw.getsockname()[4]
        frame = raw_mac(destination) + own
        for tag in words[4:]:
            frame += struct.pack(">HH", 0x8100, int(tag))
        header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size - 14, 0, 0, 64,
                             253, 0, bytes([10, 7, 0, own[5]]),
                             bytes([10, 7, 0, destination]))
        # a bridge that calls iptables drops what has a wrong check sum
        total = sum(struct.unpack(">10H", header))
        total = (total & 0xffff) + (total >> 16)
        header = (header[:10] + struct.pack(">H", 0xffff - total) +
                  header[12:])
        frame += b"\x08\x00" + header
        frame += bytes(size - len(frame))
        for _ in range(count):
            raw.send(frame)
        return
    family = socket.AF_INET6 if kind == "udp6" else socket.AF_INET
    address = (f"fd07::{destination}" if kind == "udp6"
               else f"10.7.0.{destination}")
    udp = socket.socket(family, socket.SOCK_DGRAM)
    for _ in range(count):
        udp.sendto(bytes(size), (address, 9))


def send(guest, *words):
    sh("ip", "netns", "exec", guest, sys.executable, __file__, "--send",
       *(str(word) for word in words))


# ---- the network

def make_network():
    sh("mount", "-t", "tmpfs", "none", "/run")
    sh("ip", "link", "set", "dev", "lo", "up")
    sh("ip", "link", "add", "name", "br0", "type", "bridge", "mcast_snooping",
       "0")
    sh("ip", "link", "set", "dev", "br0", "up")
    for name, number in GUESTS.items():
        sh("ip", "netns", "add", name)
        sh("ip", "link", "add", "tap" + name, "type", "veth", "peer", "name",
           "eth0", "address", mac(number), "netns", name)
        inside = ("ip", "-n", name)
        sh(*inside, "addr", "add", f"10.7.0.{number}/24", "dev", "eth0")
        sh(*inside, "addr", "add", f"fd07::{number}/64", "dev", "eth0",
           "nodad")
        sh(*inside, "link", "set", "dev", "lo", "up")
        sh(*inside, "link", "set", "dev", "eth0", "up")
        sh("ip", "link", "set", "dev", "tap" + name, "master", "br0", "up")
    wait_for("the ports to forward", lambda: all(
        "state forwarding" in sh("bridge", "link", "show", "dev", "tap" + n)
        for n in GUESTS))
    for name in GUESTS:
        for other, number in GUESTS.items():
            if name != other:
                # both ends know each other, the bridge its ports
                for address in (f"10.7.0.{number}", f"fd07::{number}"):
                    sh("ip", "-n", name, "neigh", "replace", address,
                       "lladdr", mac(number), "dev", "eth0", "nud",
                       "permanent")
                send(name, "raw", number, 1, 60)


def wait_for(what, holds):
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


def counters(guest):
    """What the bridge got from a guest, and gave to it."""
    link = json.loads(sh("ip", "-j", "-s", "link", "show", "dev",
                         "tap" + guest))[0]["stats64"]
    return {"sent": link["rx"]["bytes"], "received": link["tx"]["bytes"],
            "sent_packets": link["rx"]["packets"]}


class Count:
    """vmferry-traffic live, from when it counts until it is told to stop."""

    def __init__(self, *words, program=None, device="br0"):
        names = [f"--guest={mac(n)}={g}" for g, n in GUESTS.items()
                 if g != "u"]
        self.process = subprocess.Popen(
            [*(program or [TRAFFIC]), "live", "-i", device, "--json", *names,
             *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.said = ""
        if not select.select([self.process.stderr], [], [], 30)[0]:
            raise AssertionError("it does not begin")
        self.said = self.process.stderr.readline()

    def end(self, number=signal.SIGINT, status=0):
        self.process.send_signal(number)
        return self.wait(status)

    def wait(self, status=0):
        out, more = self.process.communicate(timeout=60)
        self.said += more
        if self.process.returncode != status:
            raise AssertionError(
                f"ends with {self.process.returncode}: {self.said}")
        return [json.loads(line) for line in out.splitlines()] \
            if "\n{" in out.strip() else json.loads(out)


def rows(document):
    return {(p["from"]["name"], p["to"]["name"]): p
            for p in document["pairs"]}


class Traffic(unittest.TestCase):
    def about(self, have, want, share, what):
        self.assertLessEqual(abs(have - want), share * want,
                             f"{what}: {have}, not {want}")

    def test_streams_as_the_interfaces_count_them(self):
        before = {g: counters(g) for g in GUESTS}
        count = Count()
        servers = [subprocess.Popen(
            ["ip", "netns", "exec", g, "iperf3", "-s", "-1", "-B",
             f"10.7.0.{GUESTS[g]}"], stdout=subprocess.DEVNULL)
            for g in ("b", "u")]
        for g in ("b", "u"):
            wait_for("iperf3", lambda g=g: "5201" in sh(
                "ip", "netns", "exec", g, "ss", "-ltn"))
        clients = [subprocess.Popen(
            ["ip", "netns", "exec", g, "iperf3", "-c", f"10.7.0.{to}", "-n",
             size], stdout=subprocess.DEVNULL)
            for g, to, size in (("a", 2, "60M"), ("c", 9, "20M"))]
        for process in (*clients, *servers):
            self.assertEqual(process.wait(60), 0)
        send("a", "udp6", 3, 4000, 1000)
        send("b", "udp4", 3, 3000, 200)
        wait_for("the last frame", lambda: counters("c")["received"] >=
                 before["c"]["received"] + 4000 * 1062 + 3000 * 242)
        after = {g: counters(g) for g in GUESTS}
        document = count.end()
        have = rows(document)

        self.assertEqual(document["sources"][0]["dropped"], 0)
        for guest in document["guests"]:
            name = guest["name"]
            for way in ("sent", "received"):
                self.about(guest[way]["bytes"],
                           after[name][way] - before[name][way], .01,
                           f"{name} {way}")
        # payload and headers; acknowledgements the other way
        # what iperf3 has written last may not have left when it ends
        self.assertGreater(have["a", "b"]["bytes"], 50 << 20)
        self.assertLess(have["a", "b"]["bytes"], 66 << 20)
        self.assertGreater(have["c", "10.7.0.0/24"]["bytes"], 15 << 20)
        self.assertEqual(have["a", "c"]["packets"], 4000)
        self.assertEqual(have["a", "c"]["bytes"], 4000 * 1062)
        self.assertEqual(have["b", "c"]["bytes"], 3000 * 242)
        self.assertEqual(have["a", "c"]["missing_bytes"], 0)

    def test_tags_are_seen(self):
        """The kernel takes a tag out of the frame, libpcap puts it back."""
        count = Count("--guest", "10.7.0.9@10=tagged", "--guest",
                      "10.7.0.9@10.20=twice")
        for tags in ((), (10,), (10, 20), (11,)):
            send("a", "raw", 9, 100 * (len(tags) + 1), 400, *tags)
        wait = counters("u")["received"]
        document = count.end()
        have = rows(document)
        self.assertGreater(wait, 0)
        self.assertEqual(have["a", "tagged"]["packets"], 200)
        self.assertEqual(have["a", "twice"]["packets"], 300)
        self.assertEqual(have["a", "10.7.0.0/24"]["packets"], 100)
        self.assertEqual(have["a", "10.7.0.0/24 vlan 11"]["packets"], 200)
        # with its tag, as on the wire
        self.assertEqual(have["a", "tagged"]["bytes"], 200 * 400)

    def test_filter_and_periods(self):
        count = Count("--filter", "udp", "--period", "0.5", "--duration",
                      "2.2")
        for _ in range(10):
            send("a", "raw", 2, 50, 100)
            send("a", "udp4", 2, 50, 100)
        documents = count.wait()
        self.assertIn(len(documents), range(3, 7))
        for first, second in zip(documents, documents[1:]):
            self.assertEqual(first["to"], second["from"])
        self.assertIn(sum(d["total"]["packets"] for d in documents),
                      range(1, 501))
        for document in documents:
            self.assertEqual(document["total"]["bytes"],
                             142 * document["total"]["packets"])

    def test_sampled_by_the_kernel(self):
        n = 64000
        before = counters("a")["sent_packets"]
        count = Count("--sample", "16", "--filter", "ip proto 253")
        send("a", "raw", 2, n, 200)
        self.assertGreaterEqual(counters("a")["sent_packets"] - before, n)
        document = count.end()
        pair = rows(document)["a", "b"]
        self.assertEqual(document["sampled_1_in"], 16)
        self.assertEqual(pair["packets"] % 16, 0)
        # five standard deviations: once in two million runs
        off = abs(pair["bytes"] - n * 200)
        self.assertLess(off, 5 / 1.96 * pair["error_bytes"])
        self.assertLess(pair["error_bytes"], .04 * n * 200)
        self.assertGreater(off, 0)

    def test_drops_are_counted(self):
        """It stands still while more comes than the ring holds."""
        n = 60000
        count = Count("--ring", "1", "--filter", "ip proto 253")
        count.process.send_signal(signal.SIGSTOP)
        send("a", "raw", 2, n, 200)
        count.process.send_signal(signal.SIGCONT)
        document = count.end()
        dropped = document["sources"][0]["dropped"]
        self.assertGreater(dropped, n / 2)
        self.assertGreater(document["total"]["packets"], 500)
        self.assertEqual(document["total"]["packets"] + dropped, n)

    def test_two_ports_one_way(self):
        """Each port's incoming frames: every frame between them once."""
        count = Count("-i", "tapb", "--direction", "in", "--filter",
                      "ip proto 253", device="tapa")
        send("a", "raw", 2, 300, 100)
        send("b", "raw", 1, 200, 100)
        document = count.end()
        self.assertEqual({k: p["packets"] for k, p in rows(document).items()},
                         {("a", "b"): 300, ("b", "a"): 200})

    def test_as_nobody_with_one_capability(self):
        with tempfile.TemporaryDirectory() as folder:
            # where it was built nobody may not be allowed to look
            os.chmod(folder, 0o755)
            program = shutil.copy(TRAFFIC, folder)
            without = ["setpriv", "--reuid=65534", "--regid=65534",
                       "--clear-groups", "--no-new-privs",
                       "--bounding-set=-all", "--inh-caps=-all",
                       "--ambient-caps=-all"]
            done = subprocess.run([*without, program, "live", "-i", "br0"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("takes CAP_NET_RAW", done.stderr)
            only = [re.sub("=-all", "=-all,+net_raw", w) for w in without]
            count = Count(program=[*only, program])
            send("a", "raw", 2, 100, 100)
            document = count.end(signal.SIGTERM)
            self.assertEqual(rows(document)["a", "b"]["packets"], 100)

    def test_a_device_that_goes_away(self):
        sh("ip", "link", "add", "gone0", "type", "veth", "peer", "name",
           "gone1")
        for end in ("gone0", "gone1"):
            sh("ip", "link", "set", "dev", end, "up")
        count = Count(device="gone0")
        sh("ip", "link", "del", "dev", "gone0")
        document = count.wait(1)
        self.assertIn("gone0", document["incomplete"])

    def test_a_device_that_is_down(self):
        sh("ip", "link", "add", "down0", "type", "veth", "peer", "name",
           "down1")
        done = subprocess.run([TRAFFIC, "live", "-i", "down0"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("ip link set dev down0 up", done.stderr)


if __name__ == "__main__":
    if sys.argv[1] == "--send":
        send_main(sys.argv[2:])
        sys.exit(0)
    TRAFFIC = os.path.abspath(sys.argv[1])
    if sys.argv[-1] != "inside":
        if os.geteuid() != 0 or subprocess.run(
                ["unshare", "-nm", "true"], check=False).returncode:
            print("SKIPPED: needs root and namespaces")
            sys.exit(77)
        for program in ("iperf3", "setpriv", "ss"):
            if not shutil.which(program):
                print(f"SKIPPED: there is no {program}")
                sys.exit(77)
        os.execvp("unshare", ["unshare", "-nm", "--propagation", "private",
                              sys.executable, __file__, TRAFFIC, "inside"])
    make_network()
    unittest.main(argv=sys.argv[:1], verbosity=2)
