#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-tool.py - what vmferry-plan prints and how it ends

usage: test-tool.py VMFERRY-PLAN DATA-DIR
"""
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PROGRAM, DATA = sys.argv[1:3]
GOLDEN = DATA + "/plan/patent-golden.json"


def run(*words, text=""):
    return subprocess.run([PROGRAM, *words], input=text, capture_output=True,
                          text=True, check=False)


class Sets(unittest.TestCase):
    def test_golden_case(self):
        done = run("sets", "--threshold", "3", "--size", "2", "--json", GOLDEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        self.assertEqual(out["mean"], 3.5)
        self.assertEqual([(d["distance"], d["probability"], d["smoothed"])
                          for d in out["distances"]],
                         [(1, .25, 2.875), (3, .25, 3.375), (5, .5, 4.25)])
        self.assertEqual([(e["a"], e["b"], e["adjacency"])
                          for e in out["adjacency"]],
                         [("1", "2", 5.75), ("1", "3", 5.75), ("1", "4", 5.75),
                          ("1", "5", 3.375), ("1", "13", 4.25)])
        self.assertEqual(out["clusters"], [["1", "2", "3", "4", "5", "13"]])
        sets = out["sets"]
        self.assertEqual(sets[:2], [["5"], ["13"]])
        self.assertEqual([len(s) for s in sets], [1, 1, 1, 1, 2])
        self.assertEqual(sets[4][0], "1")
        self.assertEqual(sorted(sets[2] + sets[3] + sets[4]),
                         ["1", "2", "3", "4"])

    def test_size_is_needed(self):
        done = run("sets", GOLDEN)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--size", done.stderr)


class Solve(unittest.TestCase):
    def test_traffic_comes_together(self):
        """Guests 1 to 4 stay, 5 and 13 come as near as there is room."""
        done = run("solve", "--work-limit", "50000", "--json", GOLDEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        self.assertEqual(out["start_cost"], 14000)
        # a host holds guest 1 and three more, the other two are a pod away
        self.assertEqual(out["cost"], 2000 + 2000 + 2000 + 3000 + 3000)
        judged = run("check", "--json", "--placement", "-", GOLDEN,
                     text=done.stdout)
        self.assertEqual(judged.returncode, 0, judged.stderr)
        self.assertEqual(json.loads(judged.stdout)["cost"], out["cost"])

    def test_exact(self):
        """What CBC proves is what lns finds; more than there is has no room"""
        done = run("solve", "--method", "exact", "--work-limit", "100000",
                   "--json", GOLDEN)
        if "no such method" in done.stderr:
            self.skipTest("CBC is not built in")
        out = json.loads(done.stdout)
        self.assertEqual((out["cost"], out["bound"]["cost"]), (12000, 12000))
        self.assertEqual(out["gap_percent"], 0)
        # two to stay apart on a host each: the bound of all methods sees one
        model = {"format": "vmferry-plan-1",
                 "resources": [{"name": "cpu", "reserve": 1}],
                 "hosts": [{"name": n, "capacity": {"cpu": 8}} for n in "ab"],
                 "guests": [{"name": n, "host": "a", "demand": {"cpu": 3}}
                            for n in "xy"],
                 "groups": [{"name": "k", "members": ["x", "y"]}],
                 "rules": [{"kind": "apart", "level": "host", "group": "k"}],
                 "weights": {"hosts": 10, "move": 1}}
        for room, status, cost in ((8, 0, 21), (4, 0, 21), (2, 1, None)):
            model["hosts"][1]["capacity"]["cpu"] = room
            done = run("solve", "--method", "exact", "--work-limit", "10000",
                       "--json", "-", text=json.dumps(model))
            self.assertEqual(done.returncode, status, done.stderr)
            if cost is not None:
                out = json.loads(done.stdout)
                self.assertEqual((out["cost"], out["bound"]["cost"]),
                                 (cost, cost))

    def test_same_seed_same_answer(self):
        answers = []
        for seed in ("3", "3"):
            done = run("solve", "--work-limit", "20000", "--seed", seed,
                       "--json", GOLDEN)
            out = json.loads(done.stdout)
            answers.append((out["placement"], out["work"]))
        self.assertEqual(answers[0], answers[1])

    def test_objective(self):
        done = run("solve", "--work-limit", "20000", "--objective",
                   "hosts=7,move=1", "--json", GOLDEN)
        out = json.loads(done.stdout)
        self.assertEqual((out["cost"], out["moved"]), (28, 0))
        for wrong in ("engery=1", "hosts=x", "hosts=-1"):
            done = run("solve", "--objective", wrong, GOLDEN)
            self.assertEqual(done.returncode, 2, wrong)

    def test_compare_and_bound(self):
        done = run("compare", "--work-limit", "5000", "--json", GOLDEN)
        out = json.loads(done.stdout)
        names = [method["method"] for method in out]
        self.assertEqual(names[:13],
                         "ff ffd bf bfd pack online quick hill anneal genetic "
                         "pso aco lns".split())
        self.assertEqual(names[13], "group-map-tune")
        bound = json.loads(run("bound", "--json", GOLDEN).stdout)
        # all eight units on one host each, if need be
        self.assertEqual(bound["cost"], 8000)
        self.assertEqual(bound["hosts"], 4)
        for method in out:
            self.assertGreaterEqual(method["cost"], bound["cost"])


class Horizon(unittest.TestCase):
    MODEL = {
        "format": "vmferry-plan-1",
        "resources": [{"name": "cpu", "reserve": 1}],
        "hosts": [{"name": n, "capacity": {"cpu": 10}, "idle_mw": 100000,
                   "link_bytes_s": 100000000} for n in "ab"],
        "guests": [{"name": "x", "host": "a", "demand": {"cpu": 4},
                    "memory_bytes": 1000000000},
                   {"name": "y", "host": "b", "demand": {"cpu": 4},
                    "memory_bytes": 1000000000}],
        "weights": {"energy": 1}}

    def solve(self, horizon, model=None):
        done = run("solve", "--work-limit", "2000", "--horizon", str(horizon),
                   "--move-price", "20000", "--json", "-",
                   text=json.dumps(model or self.MODEL))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_a_move_has_to_pay(self):
        """10 s at 20 W are 200 J, and an idle host draws 100 W"""
        short, long = self.solve(1.9), self.solve(2.1)
        self.assertEqual((short["moved"], short["sent_home"]), (0, 1))
        self.assertEqual((long["moved"], long["sent_home"]), (1, 0))
        self.assertAlmostEqual(long["price"], 200000, delta=1)
        self.assertAlmostEqual(long["saved"], 210000, delta=1)

    def test_the_end_is_a_fixed_point(self):
        end = self.solve(100)
        model = json.loads(json.dumps(self.MODEL))
        for guest in model["guests"]:
            guest["host"] = end["placement"][guest["name"]]
        self.assertEqual(self.solve(100, model)["moved"], 0)

    def test_prices_are_checked(self):
        done = run("solve", "--horizon", "-1", GOLDEN)
        self.assertEqual(done.returncode, 2)
        self.assertIn("0 or more", done.stderr)


class Moves(unittest.TestCase):
    MODEL = {
        "format": "vmferry-plan-1",
        "resources": [{"name": "slots", "reserve": 1}],
        "hosts": [{"name": n, "capacity": {"slots": 1}} for n in "abc"],
        "guests": [{"name": "x", "host": "a", "demand": {"slots": 1},
                    "memory_bytes": 125000000},
                   {"name": "y", "host": "b", "demand": {"slots": 1},
                    "memory_bytes": 250000000}],
        "weights": {"move": 1}}

    def moves(self, placement, *words):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as model:
            json.dump(self.MODEL, model)
            model.flush()
            return run(*words, "--placement", "-", model.name,
                       text=json.dumps({"format": "vmferry-placement-1",
                                        "placement": placement}))

    def test_swap(self):
        done = self.moves({"x": "b", "y": "a"}, "moves", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        # the smaller one goes by way of c
        self.assertEqual([(m["guest"], m["from"], m["to"], m["bypass"])
                          for m in out["moves"]],
                         [("x", "a", "c", True), ("y", "b", "a", False),
                          ("x", "c", "b", False)])
        self.assertEqual(out["makespan_s"], 4)
        self.assertEqual(out["moves"][1]["after"], [0])
        self.assertEqual(out["moves"][2]["after"], [0, 1])
        text = self.moves({"x": "b", "y": "a"}, "moves")
        self.assertIn("a stop on the way", text.stdout)

    def test_svg(self):
        """A row a move, a title a bar, and names cannot break it."""
        self.MODEL["guests"][0]["name"] = "x<&>"
        try:
            with tempfile.NamedTemporaryFile(suffix=".svg") as svg:
                done = self.moves({"x<&>": "b", "y": "a"}, "moves", "--svg",
                                  svg.name)
                self.assertEqual(done.returncode, 0, done.stderr)
                tree = xml.etree.ElementTree.parse(svg.name)
        finally:
            self.MODEL["guests"][0]["name"] = "x"
        space = "{http://www.w3.org/2000/svg}"
        texts = [text.text for text in tree.iter(space + "text")]
        self.assertIn("3 moves in 4 s", texts)
        self.assertIn("x<&>: a to c, a stop", texts)
        self.assertIn("a out", texts)
        bars = [bar for bar in tree.iter(space + "rect")
                if bar.get("class") in ("g", "b")]
        self.assertEqual(len(bars), 3)
        # one after the other: the swap goes by way of c
        ends = [int(bar.get("x")) + int(bar.get("width")) for bar in bars]
        self.assertLessEqual(ends[0], int(bars[1].get("x")) + 1)

    def test_a_faster_link(self):
        done = self.moves({"x": "c", "y": "b"}, "moves", "--json",
                          "--link", "10gbit")
        self.assertAlmostEqual(json.loads(done.stdout)["makespan_s"], .1)

    def test_explain(self):
        done = self.moves({"x": "c", "y": "b"}, "explain")
        self.assertEqual(done.stdout, "x: a -> c: moves -1 if it stayed\n")

    def test_nothing_to_do(self):
        done = self.moves({"x": "a", "y": "b"}, "moves", "--json")
        self.assertEqual(json.loads(done.stdout)["moves"], [])

    def test_solved_is_solved(self):
        """Planning from the end of a plan gives an empty plan."""
        done = run("solve", "--work-limit", "50000", "--json", GOLDEN)
        with open(GOLDEN, encoding="utf-8") as file:
            model = json.load(file)
        placement = json.loads(done.stdout)["placement"]
        for guest in model["guests"]:
            guest["host"] = placement[guest["name"]]
        model["weights"]["move"] = 1
        again = run("solve", "--work-limit", "50000", "--json", "-",
                    text=json.dumps(model))
        self.assertEqual(json.loads(again.stdout)["moved"], 0)


class Check(unittest.TestCase):
    def test_where_they_run(self):
        done = run("check", "--json", GOLDEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        # (2 + 2 + 2) x 1 + 1 x 3 + 1 x 5, in thousandths
        self.assertEqual((out["violations"], out["cost"]), (0, 14000))

    def test_broken_placement(self):
        names = [str(i) for i in range(1, 17)]
        text = json.dumps({"format": "vmferry-placement-1",
                           "placement": {n: "server1" for n in names}})
        done = run("check", "--placement", "-", GOLDEN, text=text)
        self.assertEqual(done.returncode, 1)
        self.assertIn("slots 16 of 4", done.stdout)

    def test_bad_input(self):
        for words in (["check", "/nonexistent"], ["check"], ["chekc"],
                      ["check", "--from", "nonsense", GOLDEN], [],
                      ["check", "--from", "roadef", GOLDEN]):
            done = run(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertTrue(done.stderr, words)
            self.assertEqual(done.stdout, "", words)


class BadInput(unittest.TestCase):
    """What is no model is refused with a sentence that names the place."""

    MODEL = {
        "format": "vmferry-plan-1",
        "resources": [{"name": "cpu"}],
        "hosts": [{"name": "a", "capacity": {"cpu": 8}}],
        "guests": [{"name": "x", "host": "a", "demand": {"cpu": 3}}],
        "groups": [{"name": "k", "members": ["x"]}]}

    def refused(self, text, *parts):
        done = run("check", "-", text=text)
        self.assertEqual(done.returncode, 2, text)
        self.assertEqual(done.stdout, "", text)
        self.assertTrue(done.stderr.startswith("error: vmferry-plan check: -: "),
                        done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_members(self):
        """One member is set to what it cannot be."""
        for where, value, message in (
                (("guests", 0, "demand", "cpu"), -1, "guests[0].demand"),
                (("guests", 0, "demand", "cpu"), 1.5, "a whole number"),
                (("guests", 0, "demand", "cpu"), 2**62, '"x"'),
                (("guests", 0, "demand", "cpu"), 10**30, "a whole number"),
                (("guests", 0, "demand", "cpu"), "3", "a whole number"),
                (("guests", 0, "demand", "ram"), 3, 'no resource "ram"'),
                (("guests", 0, "host"), "b", 'no host "b"'),
                (("guests", 0, "hots"), "a", "guests[0].hots"),
                (("guests", 0, "name"), "", "guests[0].name"),
                (("guests", 0), None, "guests[0]"),
                (("hosts", 0, "capacity", "cpu"), -8, "hosts[0].capacity"),
                (("hosts", 0, "capacity", "cpu"), 2**55, 'host "a": cpu'),
                (("hosts", 0, "link_bytes_s"), 2**60, "link_bytes_s"),
                (("guests", 0, "memory_bytes"), 2**60, "memory_bytes"),
                (("resources", 0, "reserve"), 0, '"cpu"'),
                (("resources", 0, "reserve"), 1.0001, "three decimals"),
                (("groups", 0, "members"), ["x", "x"], "twice"),
                (("weights",), {"hosts": -1}, "weights.hosts"),
                (("format",), "vmferry-plan-2", "format"),
                (("hosts",), {}, "hosts: an array"),
                (("nodes",), [], "nodes")):
            model = json.loads(json.dumps(self.MODEL))
            spot = model
            for step in where[:-1]:
                spot = spot[step]
            spot[where[-1]] = value
            self.refused(json.dumps(model), message)

    def test_twice(self):
        for name in ("resources", "hosts", "guests", "groups"):
            model = json.loads(json.dumps(self.MODEL))
            model[name].append(dict(model[name][0]))
            self.refused(json.dumps(model), f"{name}[1].name", "comes twice")

    def test_broken_json(self):
        self.refused('{\n"format": "vmferry-plan-1",\n}', "line 3")
        self.refused("[]", "check: -: an object is expected")
        self.refused("[" * 100000, "nesting too deep")
        text = json.dumps(self.MODEL, indent=1)
        for end in range(0, len(text), 5):
            self.refused(text[:end], "ends too early")

    def test_placements(self):
        for placement, message in (({"x": "b"}, '"b"'), ({}, "has 0 guests"),
                                   ({"x": 1}, "x"), ([], "placement")):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as model:
                json.dump(self.MODEL, model)
                model.flush()
                done = run("moves", "--placement", "-", model.name,
                           text=json.dumps({"format": "vmferry-placement-1",
                                            "placement": placement}))
            self.assertEqual(done.returncode, 2, placement)
            self.assertIn(message, done.stderr)

    def test_options(self):
        """Numbers that are none, or too large to reckon with"""
        for line, message in (
                ("solve --time-limit nan", "--time-limit"),
                ("solve --time-limit inf", "--time-limit"),
                ("solve --work-limit -1", "0 or more"),
                ("solve --horizon inf", "horizon"),
                ("solve --move-price nan", "prices"),
                ("solve --threads 0", "--threads"),
                ("solve --link 0", "--link"),
                ("solve --method tabu", '"tabu" here, but ff,ffd,'),
                ("compare --methods ff,,bf", '"" here, but ff,ffd,'),
                ("compare --methods=", "--methods"),
                ("pareto --term hosts --points 1", "--points"),
                ("moves --placement x --downtime inf", "--downtime"),
                ("moves --placement x --efficiency 2", "--efficiency"),
                ("sets --size 2 --threshold nan", "--threshold"),
                ("check --most -1", "--most")):
            done = run(*line.split(), GOLDEN)
            self.assertEqual(done.returncode, 2, line)
            self.assertEqual(done.stdout, "", line)
            self.assertIn(message, done.stderr)

    def test_what_is_no_file_is_not_replaced(self):
        """--output /dev/null left a file there, for root"""
        with tempfile.TemporaryDirectory() as folder:
            pipe, link, file = (f"{folder}/{n}" for n in ("p", "l", "f"))
            os.mkfifo(pipe)
            os.symlink(file, link)
            reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE,
                                      text=True)
            for name in (pipe, link, file):
                done = run("solve", "--work-limit", "100", "--output", name,
                           GOLDEN)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(stat.S_ISFIFO(os.lstat(pipe).st_mode))
            self.assertTrue(os.path.islink(link))
            text = reader.communicate()[0]
            self.assertIn("placement", json.loads(text))
            with open(file, encoding="utf-8") as written:
                self.assertIn("placement", json.load(written))
            done = run("solve", "--work-limit", "100", "--output",
                       folder + "/no/such", GOLDEN)
            self.assertEqual(done.returncode, 2)
            self.assertIn("no/such", done.stderr)

    def test_answer_that_nobody_gets(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for words in (["check", GOLDEN], ["--help"],
                          ["import", "--compact", GOLDEN]):
                done = subprocess.run([PROGRAM, *words], stdout=full,
                                      stderr=subprocess.PIPE, text=True,
                                      check=False)
                self.assertEqual(done.returncode, 2, words)
                self.assertIn("standard output", done.stderr)


unittest.main(argv=[sys.argv[0]])
