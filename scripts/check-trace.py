#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check-trace.py TRACE REPORT: whether a trace of `twofold run` says what the report of the same run says,
and can be shown: slices of a CPU follow each other, and what belongs to one lies within it."""
import bisect
import json
import sys

trace = json.load(open(sys.argv[1]))
whole = json.load(open(sys.argv[2]))
everything = [event for event in trace["traceEvents"] if event["ph"] != "M"]
wrong = []


def check(what, found, expected):
    if found != expected:
        wrong.append(f"{what}: {found} instead of {expected}")


check("events", len(everything), trace["otherData"]["events"])
check("left out", trace["otherData"]["left_out"], 0)
check("incomplete", trace["otherData"]["incomplete"], None)


def check_guest(events, report):
    def count(*conditions):
        return sum(all(event.get(key) == value for key, value in conditions) for event in events)

    def reported(part, key, name, value="count"):
        return sum(item[value] for item in report[part] if item[key] == name)

    def with_args(category, key, value):
        return sum(event["cat"] == category and event["args"][key] == value for event in events)

    check("MMIO", count(("cat", "mmio")), report["events"]["mmio_reads"] + report["events"]["mmio_writes"])
    for outcome in report["outcomes"]:
        if outcome["outcome"] != "mmio":
            check(f"faults answered by {outcome['outcome']}", with_args("fault", "outcome", outcome["outcome"]),
                  outcome["count"])
    for kind in ("translation", "permission"):
        found = with_args("fault", "fault", kind)
        check(f"{kind} faults", found, reported("faults", "kind", kind))
    for key, name in (("tlbi_by_ipa", "IPAS2"), ("tlbi_by_range", "RIPAS2"), ("tlbi_of_stage_1", "VMALLE1"),
                      ("tlbi_of_vmid", "VMALLS12E1")):
        found = sum(event["name"].startswith(f"TLBI {name}") for event in events)
        check(f"TLBI {name}", found, report["invalidations"][key])
    splits = sum(event["name"].startswith("split of") for event in events)
    check("splits", splits, report["tables"]["blocks_split"])

    tracks = {}
    for event in events:
        if event["ph"] == "X":
            tracks.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"], event["name"]))
    rounding = 0.001
    for cpu, slices in tracks.items():
        slices.sort()
        for (_, end, before), (start, _, after) in zip(slices, slices[1:]):
            if start < end - rounding:
                wrong.append(f"CPU {cpu}: {after} at {start} begins within {before}")
                break
    marks = [event for event in events if event["ph"] == "i"]
    for event in marks:
        slices = tracks[event["tid"]]
        _, end, name = slices[max(bisect.bisect(slices, (event["ts"] + rounding,)) - 1, 0)]
        if event["args"]["because"] not in (None, name) or event["args"]["because"] and event["ts"] > end + rounding:
            wrong.append(f"{event['name']} at {event['ts']} lies in no {event['args']['because']}")
            break
    # Everything is done for an abort or by a command.
    check("marks without a reason", sum(event["args"]["because"] is None for event in marks), 0)


for number, report in enumerate([whole, *whole.get("others", [])], 1):
    check_guest([event for event in everything if event["pid"] == number], report)

print("; ".join(wrong[:3]))
sys.exit(bool(wrong))
