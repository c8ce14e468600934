#!/usr/bin/python3
"""report_schema.py SCHEMA REPORT...: TAP lines. A member that the schema does not name is a fault
here, though readers are to ignore such ones: the schema is the documentation."""
import json
import sys

import jsonschema


def close(part):
    if isinstance(part, dict):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
        for inner in part.values():
            close(inner)
    elif isinstance(part, list):
        for inner in part:
            close(inner)


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
close(schema)
failed = False
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(file)))
    print("%sok - schema: %s" % ("not " if errors else "", path))
    for error in errors[:3]:
        print("# %s: %s" % (error.json_path, error.message[:300]))
    failed |= bool(errors)
sys.exit(failed)
