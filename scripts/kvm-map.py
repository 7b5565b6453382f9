#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# kvm-map.py MAP FRAMES FROM [IPA,SIZE,UNIT,PERMISSIONS]...: judges what `twofold attach map --json` says of one
# guest. All that is mapped must be in the host's frames ("IPA SIZE PA"); from the address FROM on the expected
# pieces must be mapped as they say, and nothing else. Prints what is wrong.
import json
import sys


def number(text):
    units = {"K": 10, "M": 20, "G": 30}
    return int(text[:-1], 0) << units[text[-1]] if text[-1] in units else int(text, 0)


def leaves_of(stage2):
    for run in stage2["map"]["runs"]:
        if run["kind"] == "leaf":
            what = run["attributes"]
            may = "".join(letter if what[name] else "-"
                          for letter, name in (("r", "read"), ("w", "write"), ("x", "execute_el1")))
            yield int(run["ipa"], 0), run["size"], int(run["pa"], 0), run["size"] // run["entries"], may


def complaints(document, frames, start, expected):
    if len(document["stage2"]) != 1:
        yield f"{len(document['stage2'])} stage 2 instead of one"
        return
    stage2 = document["stage2"][0]
    if stage2["error"]:
        yield stage2["error"]
        return
    if not stage2["map"]["complete"]:
        yield "the map is not complete"
    if stage2["vmid"] == 0:
        yield "VMID 0 is the host's"
    leaves = list(leaves_of(stage2))
    if not leaves:
        yield "nothing is mapped"
    for ipa, size, pa, _, _ in leaves:
        at, end = ipa, ipa + size
        while at < end:
            frame = next((one for one in frames if one[0] <= at < one[0] + one[1]), None)
            if frame is None:
                yield f"{at:#x} is mapped, and the host has no page there"
                break
            if at - frame[0] + frame[2] != pa + at - ipa:
                yield f"{at:#x} is at PA {pa + at - ipa:#x}, and the host has it at {at - frame[0] + frame[2]:#x}"
                break
            at = min(end, frame[0] + frame[1])
    for ipa, size, unit, may in expected:
        at = ipa
        while at < ipa + size:
            leaf = next((one for one in leaves if one[0] <= at < one[0] + one[1]), None)
            if leaf is None:
                yield f"{at:#x} is not mapped"
                break
            if leaf[3] != unit or leaf[4] != may:
                yield f"{at:#x} is mapped with {leaf[3]:#x} {leaf[4]} instead of {unit:#x} {may}"
                break
            at = leaf[0] + leaf[1]
    mapped = sum(size for ipa, size, _, _, _ in leaves if ipa >= start)
    wanted = sum(size for _, size, _, _ in expected)
    if mapped != wanted:
        yield f"{mapped:#x} bytes are mapped from {start:#x} on instead of {wanted:#x}"


def main(path, frames_path, start, *pieces):
    with open(path) as file:
        document = json.load(file)
    with open(frames_path) as file:
        frames = [tuple(int(word, 0) for word in line.split()) for line in file]
    expected = []
    for piece in pieces:
        ipa, size, unit, may = piece.split(",")
        expected.append((number(ipa), number(size), number(unit), may))
    wrong = list(complaints(document, frames, number(start), expected))
    print("; ".join(wrong[:4]))
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
