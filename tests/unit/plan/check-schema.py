#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-schema.py - does docs/plan.schema.json say what the reader takes?

usage: check-schema.py SCHEMA VMFERRY-PLAN FILE...

Files that vmferry-plan imports have to be valid, and so has what it prints of
them. What it refuses for its form has to be invalid. Exit status 77, a skip,
without python3-jsonschema.
"""
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

# Mistakes of form, which a schema can see, each made in the first file.
MISTAKES = [
    lambda m: m.pop("hosts"),
    lambda m: m.update(format="vmferry-plan-2"),
    lambda m: m.update(wieghts={}),
    lambda m: m["hosts"][0].update(capacity={"cpu": -1}),
    lambda m: m["hosts"][0].update(capacity={"cpu": 1.5}),
    lambda m: m["guests"][0].update(nmae="x"),
    lambda m: m["rules"][0].update(kind="near"),
    lambda m: m["rules"][0].pop("group"),
    lambda m: m.update(weights={"engery": 1}),
    lambda m: m.update(distances={"rack": -1}),
    lambda m: m["guests"][0].update(numa=3),
    lambda m: m["hosts"][0].update(sides=[{"disk": 1}]),
    lambda m: m.update(latencies={"hop": 5}),
    lambda m: m.update(totals=[{"level": "host", "place": "a", "most": {}}]),
    lambda m: m.update(trunks=[{"level": "rack", "a": "r1", "b": "r2"}]),
    lambda m: m["rules"].append({"kind": "latency", "group": "web"}),
    lambda m: m["rules"].append({"kind": "survive", "level": "host",
                                 "group": "web", "failures": 0}),
]


def imported(program, text):
    done = subprocess.run([program, "import", "-"], input=text.encode(),
                          capture_output=True, check=False)
    return done.stdout.decode() if done.returncode == 0 else None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    program = sys.argv[2]
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    check = validator(schema)
    failures = 0
    for name in sys.argv[3:]:
        with open(name, encoding="utf-8") as file:
            text = file.read()
        printed = imported(program, text)
        if not printed:
            print(f"{name}: vmferry-plan refuses it")
            failures += 1
            continue
        for what, model in (("it", text), ("its import", printed)):
            for error in check.iter_errors(json.loads(model)):
                print(f"{name}: {what}: {error.message}")
                failures += 1
    with open(sys.argv[3], encoding="utf-8") as file:
        good = file.read()
    for i, spoil in enumerate(MISTAKES):
        model = json.loads(good)
        spoil(model)
        if imported(program, json.dumps(model)):
            print(f"mistake {i} is taken by vmferry-plan")
            failures += 1
        if check.is_valid(model):
            print(f"mistake {i} is valid")
            failures += 1
    print(f"{len(sys.argv) - 3} files, {len(MISTAKES)} mistakes, "
          f"{failures} failures")
    return 1 if failures else 0


sys.exit(main())
