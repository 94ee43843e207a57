"""Counts the verdicts of a kosoku report and compares them with the committed ones. See run.sh."""

import collections
import json
import os
import sys

report, expected = sys.argv[1:]
with open(os.path.join(report, "index.json")) as file:
    (cases,) = json.load(file).values()

counts = collections.defaultdict(collections.Counter)
for name, case in cases.items():
    counts[name.split(".")[0]][case["behavior"]] += 1
    if case["behavior"] not in ("OK", "INFORMATIONAL") or case["behaviorClose"] not in ("OK", "INFORMATIONAL"):
        print(f"case {name}: {case['behavior']}, close {case['behaviorClose']}")
counts = {group: dict(sorted(counts[group].items())) for group in sorted(counts, key=int)}

if os.environ.get("UPDATE_EXPECT"):
    with open(expected, "w") as file:
        file.write("{\n" + ",\n".join(f'  "{group}": {json.dumps(count)}' for group, count in counts.items()) + "\n}\n")
with open(expected) as file:
    wanted = json.load(file)
differing = [group for group in counts if counts[group] != wanted.get(group)]
for group in differing:
    print(f"group {group}: {counts[group]}, expected {wanted.get(group)}")
print(f"{sum(sum(count.values()) for count in counts.values())} cases in groups {', '.join(counts)}: {'as expected' if not differing else 'DIFFERENT'}")
sys.exit(bool(differing))
