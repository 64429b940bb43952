#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-tool.py - what vmferry-traffic makes of files, and how it ends

usage: test-tool.py VMFERRY-TRAFFIC VMFERRY-PLAN DATA-DIR SCHEMA

The files are written here, frame by frame, so that what is in them is known.
"""
import csv
import io
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

TRAFFIC, PLAN, DATA, SCHEMA = sys.argv[1:5]
START_S = 1700000000


def run(*words, text=None, program=TRAFFIC):
    return subprocess.run([program, *words], input=text, capture_output=True,
                          text=True, check=False)


def mac(number):
    return bytes([0x52, 0x54, 0, 0, number >> 8, number & 255])


def frame(source, destination, tags=(), ip=4):
    """An Ethernet frame between two guests, by their numbers."""
    out = mac(destination) + mac(source)
    for tag in tags:
        out += struct.pack(">HH", 0x8100, tag)
    if ip == 4:
        out += b"\x08\x00" + struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0,
            bytes([10, 0, source >> 8, source & 255]),
            bytes([10, 0, destination >> 8, destination & 255]))
    else:
        address = bytes.fromhex("20010db8") + bytes(10)
        out += b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, 0, 59, 64)
        out += address + struct.pack(">H", source)
        out += address + struct.pack(">H", destination)
    return out


def pcap(frames, link=1, magic=0xa1b2c3d4, order="<"):
    """A file of (microseconds since the start, frame, wire length)."""
    unit = 1000 if magic == 0xa1b23c4d else 1
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 128, link)]
    for at_us, data, wire in frames:
        data = data[:128]
        out.append(struct.pack(order + "IIII", START_S + at_us // 1000000,
                               at_us % 1000000 * unit, len(data), wire))
        out.append(data)
    return b"".join(out)


def pcapng(frames):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        length = len(body) + 12
        return (struct.pack("<II", kind, length) + body +
                struct.pack("<I", length))
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += block(1, struct.pack("<HHI", 1, 0, 128))
    for at_us, data, wire in frames:
        time = START_S * 1000000 + at_us
        out += block(6, struct.pack("<IIIII", 0, time >> 32,
                                    time & 0xffffffff, len(data), wire) + data)
    return out


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(self.path("guests"), "w", encoding="utf-8") as out:
            for number in range(1, 9):
                out.write(f"52:54:00:00:00:{number:02x}=vm{number}\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as out:
            out.write(data)
        return self.path(name)

    def read(self, *words, status=0):
        """The matrix as {(from, to): (bytes, packets)}, and the document."""
        done = run("read", "--json", "-g", self.path("guests"), *words)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("CRITICAL", done.stderr)
        document = json.loads(done.stdout)
        return ({(p["from"]["name"], p["to"]["name"]):
                 (p["bytes"], p["packets"]) for p in document["pairs"]},
                document)


class Exact(Case):
    def known(self, seed, n=5000):
        chance = random.Random(seed)
        frames, want = [], {}
        for i in range(n):
            source = min(int(chance.expovariate(.2)), 11) + 1
            destination = chance.randrange(1, 13)
            wire = chance.choice([64, 590, 1514, 9014])
            tags = chance.choice([(), (), (7,), (7, 8)])
            ip = chance.choice([4, 6])
            frames.append((i * 1000, frame(source, destination, tags, ip),
                           wire))
            vlan = "".join(f" vlan {tags[0]}" if i == 0 else f".{tags[i]}"
                           for i in range(len(tags)))
            network = "10.0.0.0/24" if ip == 4 else "2001:db8::/64"
            pair = tuple(f"vm{e}" if e <= 8 else network + vlan
                         for e in (source, destination))
            was = want.get(pair, (0, 0))
            want[pair] = (was[0] + wire, was[1] + 1)
        return frames, want

    def test_every_form_of_file(self):
        frames, want = self.known(1)
        for name, data in (
                ("micro", pcap(frames)),
                ("nano", pcap(frames, magic=0xa1b23c4d)),
                ("other-order", pcap(frames, order=">")),
                ("ng", pcapng(frames))):
            with self.subTest(name):
                have, document = self.read(self.write(name, data))
                self.assertEqual(have, want)
                self.assertEqual(document["from"],
                                 "2023-11-14T22:13:20.000000+00:00")
                self.assertAlmostEqual(document["duration_s"], 4.999)
                self.assertEqual(document["absent_bytes"], 0)

    def test_sums(self):
        frames, want = self.known(2)
        _, document = self.read(self.write("f", pcap(frames)))
        total = sum(pair[0] for pair in want.values())
        self.assertEqual(document["total"],
                         {"bytes": total, "packets": len(frames)})
        self.assertEqual(sum(c["bytes"]
                             for c in document["classes"].values()), total)
        for guest in document["guests"]:
            self.assertEqual(
                guest["sent"]["bytes"],
                sum(b for (a, _), (b, _) in want.items()
                    if a == guest["name"]))

    def test_bounded_memory(self):
        """Ten thousand pairs in a table of a hundred: nothing is lost."""
        frames = [(i, frame(100 + i % 10000, 200), 100)
                  for i in range(40000)]
        frames += [(i, frame(1, 2), 1000) for i in range(40000, 42000)]
        have, document = self.read(
            "--pairs", "100", "--outside", "32,128",
            self.write("f", pcap(frames)))
        self.assertLessEqual(len(have), 100)
        self.assertEqual(have["vm1", "vm2"], (2000000, 2000))
        tail = document["tail"]["outside-only"]
        self.assertGreater(tail["packets"], 30000)
        self.assertEqual(sum(b for b, _ in have.values()) +
                         sum(t["bytes"] for t in document["tail"].values()),
                         document["total"]["bytes"])
        self.assertEqual(document["total"]["bytes"], 4000000 + 2000000)

    def test_files_are_taken_in_the_order_of_time(self):
        frames, want = self.known(3)
        late = self.write("a", pcap(frames[2500:]))
        early = self.write("b", pcap(frames[:2500]))
        have, document = self.read(late, early)
        self.assertEqual(have, want)
        done = run("read", "--json", "--period", "2", late, early)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([l["total"]["packets"] for l in lines],
                         [2000, 2000, 1000])
        self.assertEqual([l["late"] for l in lines], [0, 0, 0])
        self.assertEqual(sum(l["total"]["bytes"] for l in lines),
                         document["total"]["bytes"])

    def test_standard_input(self):
        frames, want = self.known(4, 100)
        done = subprocess.run(
            [TRAFFIC, "read", "--json", "-g", self.path("guests"), "-"],
            input=pcap(frames), capture_output=True, check=True)
        self.assertEqual(len(json.loads(done.stdout)["pairs"]), len(want))

    def test_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("there is no python3-jsonschema")
        with open(SCHEMA, encoding="utf-8") as text:
            schema = json.load(text)
        frames, _ = self.known(8, 500)
        whole = self.write("f", pcap(frames))
        cut = self.write("g", pcap(frames)[:-3])
        for words, status in (((whole,), 0), ((cut,), 1),
                              (("--pairs", "16", "--sample", "3", whole), 0),
                              ((self.write("h", pcap([])),), 0)):
            _, document = self.read(*words, status=status)
            jsonschema.validate(document, schema)
            document["more"] = 1
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(document, schema)

    def test_filter(self):
        frames, want = self.known(5)
        have, _ = self.read("-f", "ip6 and not vlan",
                            self.write("f", pcap(frames)))
        n = sum(f[1][12:14] == b"\x86\xdd" for f in frames)
        self.assertEqual(sum(p for _, p in have.values()), n)

    def test_sampling(self):
        frames = [(i, frame(1, 2 + i % 3), 1000) for i in range(160000)]
        have, document = self.read("--sample", "16", "--seed", "7",
                                   self.write("f", pcap(frames)))
        self.assertEqual(document["sampled_1_in"], 16)
        self.assertEqual(document["total"]["packets"], 160000)
        for pair in document["pairs"]:
            off = abs(pair["bytes"] - sum(
                1000 for f in frames
                if f[1][:6] == mac(int(pair["to"]["name"][2:]))))
            self.assertLess(off, 2 * pair["error_bytes"])
            self.assertGreater(pair["error_bytes"], 0)
        again, _ = self.read("--sample", "16", "--seed", "7", self.path("f"))
        self.assertEqual(have, again)


class Forms(Case):
    def setUp(self):
        super().setUp()
        self.file = self.write("f", pcap([
            (0, frame(1, 2), 990), (500000, frame(2, 1), 34),
            (1000000, frame(1, 99), 4096), (2000000, frame(3, 4), 2048)]))

    def test_table(self):
        done = run("read", "-g", self.path("guests"), self.file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("4 packets", done.stdout)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[3], r"^vm1 +10\.0\.0\.0/24 .*57\.1 %$")
        self.assertRegex(lines[4], r"^vm3 +vm4 +2\.0 KiB ")
        self.assertRegex(lines[5], r"^vm1 +vm2 +990 B +34 B +2 ")

    def test_csv(self):
        done = run("read", "--csv", "--guest", "52:54:00:00:00:01=a, \"b\"",
                   self.file)
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual(len(rows), 3)
        self.assertEqual(rows[0]["from"], 'a, "b"')
        self.assertEqual(rows[0]["bytes"], "5086")

    def test_picture(self):
        done = run("read", "-g", self.path("guests"), "--svg",
                   self.path("map.svg"), self.file)
        self.assertEqual(done.returncode, 0, done.stderr)
        top = xml.etree.ElementTree.parse(self.path("map.svg")).getroot()
        self.assertEqual(top.tag, "{http://www.w3.org/2000/svg}svg")
        hints = [t.text for t in top.iter("{http://www.w3.org/2000/svg}title")]
        self.assertIn("vm1 to vm2: 990 B, 13.8 %", hints)
        self.assertEqual(len(hints), 4)

    def test_the_planner_is_fed(self):
        """The command of docs/traffic.md: pairs that talk come together."""
        model = {"format": "vmferry-plan-1",
                 "resources": [{"name": "cpu", "reserve": 1}],
                 "hosts": [{"name": h, "rack": h, "capacity": {"cpu": 2}}
                           for h in "xy"],
                 "guests": [{"name": f"vm{i}", "host": h,
                             "demand": {"cpu": 1}}
                            for i, h in ((1, "x"), (3, "x"),
                                         (2, "y"), (4, "y"))],
                 "traffic": [{"a": "vm1", "b": "vm3", "amount": 7}],
                 "weights": {"traffic": 1}}
        with open(self.path("model.json"), "w", encoding="utf-8") as out:
            json.dump(model, out)
        done = run("read", "-g", self.path("guests"), "--plan",
                   self.path("model.json"), self.file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        fed = json.loads(done.stdout)
        self.assertEqual(fed["traffic"],
                         [{"a": "vm3", "b": "vm4", "amount": 2},
                          {"a": "vm1", "b": "vm2", "amount": 1}])
        del fed["traffic"], model["traffic"]
        self.assertEqual(fed, model)
        solved = run("solve", "--work-limit", "20000", "--json", "-",
                     text=done.stdout, program=PLAN)
        self.assertEqual(solved.returncode, 0, solved.stderr)
        where = json.loads(solved.stdout)["placement"]
        self.assertEqual(where["vm1"], where["vm2"])
        self.assertEqual(where["vm3"], where["vm4"])

    def test_the_patents_case_is_measured(self):
        """Its traffic as frames, its network as the model: its sets."""
        model = DATA + "/plan/patent-golden.json"
        frames = [(0, frame(1, 2), 1024), (1, frame(2, 1), 1024),
                  (2, frame(1, 3), 2048), (3, frame(4, 1), 2048),
                  (4, frame(1, 5), 990), (5, frame(5, 1), 34),
                  (6, frame(1, 13), 1024), (7, frame(1, 77), 9000)]
        names = [f"--guest=52:54:00:00:00:{n:02x}={n}"
                 for n in (1, 2, 3, 4, 5, 13)]
        done = run("read", *names, "--plan", model,
                   self.write("f", pcap(frames)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        def pairs(document):
            return {(t["a"], t["b"]): t["amount"]
                    for t in document["traffic"]}
        with open(model, encoding="utf-8") as text:
            self.assertEqual(pairs(json.loads(done.stdout)),
                             pairs(json.load(text)))
        done = run("sets", "--threshold", "3", "--size", "2", "--json", "-",
                   text=done.stdout, program=PLAN)
        self.assertEqual(done.returncode, 0, done.stderr)
        sets = json.loads(done.stdout)["sets"]
        self.assertEqual(sets[:2], [["5"], ["13"]])
        self.assertEqual([len(s) for s in sets], [1, 1, 1, 1, 2])
        self.assertEqual(sets[4][0], "1")
        self.assertEqual(sorted(sets[2] + sets[3] + sets[4]),
                         ["1", "2", "3", "4"])

    def test_guests_that_the_model_lacks(self):
        with open(self.path("model.json"), "w", encoding="utf-8") as out:
            json.dump({"format": "vmferry-plan-1", "resources":
                       [{"name": "cpu"}], "hosts": [{"name": "x"}],
                       "guests": [{"name": "vm1"}, {"name": "vm2"}]}, out)
        done = run("read", "-g", self.path("guests"), "--amount", "bytes",
                   "--plan", self.path("model.json"), self.file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 guests", done.stderr)
        self.assertEqual(json.loads(done.stdout)["traffic"],
                         [{"a": "vm1", "b": "vm2", "amount": 1024}])


class History(Case):
    def keep(self, name, frames, *words):
        file = self.write("f", pcap(frames))
        done = run("read", "-g", self.path("guests"), "--period", "100",
                   "--history", self.path(name), *words, file)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def show(self, *words, status=0):
        done = run("history", *words)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_what_was_kept_is_what_was_read(self):
        """Periods in the file, then as one again: the same matrix."""
        chance = random.Random(6)
        frames = [(i * 500000, frame(chance.randrange(1, 12),
                                     chance.randrange(1, 12)),
                   chance.choice([64, 1514])) for i in range(2000)]
        self.keep("h", frames)
        whole = json.loads(self.show("--json", self.path("h")))
        want, document = self.read(self.path("f"))
        have = {(p["from"]["name"], p["to"]["name"]):
                (p["bytes"], p["packets"]) for p in whole["pairs"]}
        self.assertEqual(have, want)
        for member in ("total", "classes", "from", "to", "tail"):
            self.assertEqual(whole[member], document[member])
        self.assertEqual(sorted(whole["guests"], key=lambda g: g["name"]),
                         [g for g in document["guests"]])
        # a thousand seconds are eleven periods, or three of 400 seconds
        lines = self.show("--list", self.path("h")).splitlines()
        self.assertEqual(len(lines), 1 + 10)
        parts = [json.loads(line) for line in self.show(
            "--json", "--period", "400", self.path("h")).splitlines()]
        self.assertEqual(len(parts), 3)
        self.assertEqual(sum(p["total"]["bytes"] for p in parts),
                         document["total"]["bytes"])

    def test_time(self):
        self.keep("h", [(i * 100000000, frame(1, 2), 100)
                        for i in range(10)])
        for words, n in (
                ((), 10), (("--since", "2023-11-14T22:15:00Z"), 9),
                (("--since", "2023-11-14T22:15:00Z", "--until",
                  "2023-11-14T23:20:00+01:00"), 3),
                (("--since", "2023-11-14", "--until", "2023-11-15"), 10),
                (("--until", "24h"), 10)):
            document = json.loads(self.show("--json", *words,
                                            self.path("h")))
            self.assertEqual(document["total"]["packets"], n, words)
        self.show("--since", "yesterday", self.path("h"), status=2)
        done = run("history", "--since", "noon", self.path("h"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("is no time", done.stderr)

    def test_hosts(self):
        """What two hosts saw of a pair is the same traffic."""
        self.keep("one", [(0, frame(1, 2), 1000), (1, frame(1, 3), 500),
                          (100000000, frame(1, 2), 70)])
        self.keep("two", [(5, frame(1, 2), 1000), (6, frame(4, 5), 300),
                          (100000007, frame(1, 2), 80)])
        document = json.loads(self.show("--json", self.path("one"),
                                        self.path("two")))
        self.assertEqual({(p["from"]["name"], p["to"]["name"]): p["bytes"]
                          for p in document["pairs"]},
                         {("vm1", "vm2"): 1080, ("vm1", "vm3"): 500,
                          ("vm4", "vm5"): 300})
        self.assertEqual(document["total"]["bytes"], 1880)

    def test_a_host_that_is_far_away(self):
        """Its history comes as JSON, by ssh say: the same as its file."""
        self.keep("one", [(i * 40000000, frame(1 + i % 3, 2), 100 + i)
                          for i in range(20)])
        self.keep("two", [(i * 40000000 + 7, frame(2, 1 + i % 4), 700 - i)
                          for i in range(20)])
        want = self.show("--json", self.path("one"), self.path("two"))
        lines = self.show("--json", "--period", "100", self.path("two"))
        self.assertEqual(len(lines.splitlines()), 8)
        done = run("history", "--json", self.path("one"), "-", text=lines)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        have, want = json.loads(done.stdout), json.loads(want)
        for document in (have, want):
            document["guests"].sort(key=lambda g: g["name"])
            document["pairs"].sort(key=lambda p: (p["from"]["name"],
                                                  p["to"]["name"]))
        self.assertEqual(have, want)
        # one document over many lines, in a file
        whole = self.write("whole.json", self.show(
            "--json", self.path("two")).encode())
        self.assertEqual(json.loads(self.show("--json", whole))["total"],
                         json.loads(self.show("--json", self.path(
                             "two")))["total"])
        bad = self.write("bad.jsonl", lines.encode() + b'{"format": 1}\n')
        done = run("history", bad)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "bad.jsonl: line 9: format: ")

    def test_the_planner_is_fed_with_yesterday(self):
        with open(self.path("model.json"), "w", encoding="utf-8") as out:
            json.dump({"format": "vmferry-plan-1", "resources":
                       [{"name": "cpu"}], "hosts": [{"name": "x"}],
                       "guests": [{"name": "vm1"}, {"name": "vm2"}]}, out)
        self.keep("h", [(0, frame(1, 2), 2048), (200000000, frame(2, 1), 1)])
        fed = json.loads(self.show("--plan", self.path("model.json"),
                                   self.path("h")))
        self.assertEqual(fed["traffic"],
                         [{"a": "vm1", "b": "vm2", "amount": 3}])

    def test_wrong(self):
        file = self.write("f", pcap([(0, frame(1, 2), 60)]))
        for want, words in (
                ("say that too", ("read", "--history", self.path("h"), file)),
                ("--keep", ("read", "--keep", "-1", file)),
                ("there is none yet", ("history", self.path("none"))),
                ("traffic history .*f:", ("history", file)),
                ("traffic history .*/none/h:",
                 ("read", "--period", "9", "--history", self.path("none/h"),
                  file)),
                ("name a file", ("history",)),
                ("Unknown option", ("history", "--sample", "2", file))):
            with self.subTest(words):
                done = run(*words)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, want)


class Wrong(Case):
    def expect(self, status, want, *words):
        done = run(*words)
        self.assertEqual(done.returncode, status, (words, done.stderr))
        self.assertRegex(done.stderr, want)
        self.assertNotIn("CRITICAL", done.stderr)
        self.assertNotIn("WARNING", done.stderr)
        return done

    def test_usage(self):
        file = self.write("f", pcap([(0, frame(1, 2), 60)]))
        bad = self.write("bad", b"10.0.0.1=a\n10.0.0.1=b\n")
        for want, words in (
                ("Usage", ()),
                ("no command", ("steal",)),
                ("name a file", ("read",)),
                ("name a device", ("live",)),
                ("Unknown option", ("read", "--stuff", file)),
                ("only options", ("live", "-i", "lo", "x")),
                ("--sample", ("read", "--sample", "0", file)),
                ("--sample", ("read", "--sample", "65537", file)),
                ("--pairs", ("read", "--pairs", "15", file)),
                ("--period", ("read", "--period", "-1", file)),
                ("--period", ("read", "--period", "nan", file)),
                ("--outside", ("read", "--outside", "33", file)),
                ("--outside", ("read", "--outside", "24,129", file)),
                ("--outside", ("read", "--outside", "1,2,3", file)),
                ("--top", ("read", "--top", "-1", file)),
                ("--top", ("read", "--ends", "0", file)),
                ("only one of", ("read", "--json", "--csv", file)),
                ("--svg", ("read", "--svg", "x", "--period", "1", file)),
                ("--amount", ("read", "--amount", "pounds", file)),
                ("--direction", ("live", "-i", "lo", "--direction", "up")),
                ("--ring", ("live", "-i", "lo", "--ring", "0")),
                ("--guest", ("read", "--guest", "x", file)),
                ("line 2: .*is a's already", ("read", "-g", bad, file)),
                ("No such file", ("read", "-g", self.path("none"), file)),
                ("No such file", ("read", self.path("none"))),
                ("No such file", ("read", "--plan", "none", file)),
                ("see pcap-filter", ("read", "-f", "host", file)),
                ("too long", ("read", "-f", "ip or " * 1000 + "ip", file)),
                ("unknown file format", ("read", self.path("guests"))),
                ("IEEE802_11", ("read", self.write("w", pcap([], 105)))),
                ("there is no device", ("live", "-i", "nonesuch0"))):
            with self.subTest(words):
                if "live" in words and "nonesuch0" in words and os.geteuid():
                    continue
                self.expect(2, want, *words)

    def test_libvirt_that_is_not_there(self):
        file = self.write("f", pcap([]))
        self.expect(2, "qemu\\+unix", "read", "-c",
                    f"qemu+unix:///system?socket={self.path('no')}", file)

    def test_guests_of_libvirt(self):
        """libvirt's test driver has a guest with a MAC address."""
        done = run("read", "--json", "-c", "test:///default",
                   self.write("f", pcap([])))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([g["name"]
                          for g in json.loads(done.stdout)["guests"]],
                         ["test"])

    def test_an_empty_file_is_fine(self):
        for form in ("--json", "--csv", "--top=1"):
            done = run("read", form, self.write("f", pcap([])))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_damaged_file_counts_up_to_the_damage(self):
        frames = [(i, frame(1, 2), 100) for i in range(50)]
        whole = pcap(frames)
        for cut in (24 + 20 * 50 + 7, len(whole) - 3, 24 + 16 + 3, 24 + 5):
            file = self.write("f", whole[:cut])
            done = self.expect(1, "truncated", "read", "--json", file)
            document = json.loads(done.stdout)
            self.assertIn("truncated", document["incomplete"])
            self.assertEqual(document["total"]["packets"],
                             (cut - 24) // ((len(whole) - 24) // 50))
        # the file behind it is counted as well
        self.write("g", pcap([(100, frame(3, 4), 100)]))
        done = self.expect(1, "truncated", "read", "--json", file,
                           self.path("g"))
        self.assertEqual(json.loads(done.stdout)["total"]["packets"], 1)

    def test_frames_without_a_header(self):
        _, document = self.read(self.write("f", pcap(
            [(0, b"", 0), (1, b"x" * 13, 13), (2, frame(1, 2), 60)])))
        self.assertEqual(document["not_understood"], 2)
        self.assertEqual(document["total"]["packets"], 1)

    def test_noise(self):
        chance = random.Random(9)
        header = pcap([])
        for _ in range(50):
            noise = header + chance.randbytes(chance.randrange(400))
            done = run("read", "--json", "--period", "0.5",
                       self.write("f", noise))
            self.assertIn(done.returncode, (0, 1), done.stderr)

    def test_output_that_cannot_be_written(self):
        file = self.write("f", pcap([(0, frame(1, 2), 60)]))
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([TRAFFIC, "read", file], stdout=full,
                                  stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output: No space left", done.stderr)
        self.expect(1, "drawing: .*none/map.svg", "read", "--svg",
                    self.path("none/map.svg"), file)

    def test_interrupted(self):
        """What was counted until then is printed, and that it is not all."""
        header = pcap([(i, frame(1, 2), 100) for i in range(1000)])
        with subprocess.Popen([TRAFFIC, "read", "--json", "--progress", "-"],
                              bufsize=0, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdin.write(header)
            # frames until a line of progress says that they are counted
            body = header[24:]
            os.set_blocking(process.stderr.fileno(), False)
            while not process.stderr.read():
                process.stdin.write(body)
            # now it has what there is, and waits for more
            process.send_signal(signal.SIGINT)
            out = process.stdout.read()
            process.wait(30)
            self.assertNotIn(b"error", process.stderr.read() or b"")
        self.assertEqual(process.returncode, 130)
        document = json.loads(out)
        self.assertGreater(document["total"]["packets"], 999)
        self.assertIn("interrupted", document["incomplete"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
