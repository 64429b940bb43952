#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Second opinion on docs/run-record.schema.json by python3-jsonschema.

check-schema.py SCHEMA MAKE-SAMPLE: the schema itself is well formed, and the
records that MAKE-SAMPLE writes fit it. Exit status 77 (skipped) without the
module.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("SKIP: python3-jsonschema is not installed")
    sys.exit(77)

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
with tempfile.TemporaryDirectory() as directory:
    subprocess.run([sys.argv[2], directory], check=True)
    records = sorted(pathlib.Path(directory).glob("*.json"))
    for path in records:
        record = json.loads(path.read_text())
        validator.validate(record)
        del record["outcome"]["status"]
        if validator.is_valid(record):
            sys.exit(f"{path.name} without a status was found valid")
if len(records) < 2:
    sys.exit("no records were written")
print(f"{len(records)} records fit")
