// SPDX-License-Identifier: MIT
// What is at an address, in words: for the tooltip, the panel of the selection, and who listens.
import { oddityWords } from "./colouring.js";
import { countWords, entryNoun, hex, rangeWords, sizeWords } from "./words.js";

function title(kind, entries) {
  if (kind.hole) {
    return "not mapped";
  }
  if (!kind.leaf) {
    return oddityWords(kind);
  }
  const size = sizeWords(kind.entryBytes);
  const words = entries > 1 ? `${countWords(entries)} ${entryNoun(kind.level, entries)} of ${size}` : `${size} ${entryNoun(kind.level)}`;
  return `${words}${kind.contiguous ? ", contiguous" : ""}`;
}

// {title, rows: [name, value]}; with a run, about all of it, and else about the entry at the address.
export function describePlace(space, address, wholeRun = false) {
  const run = space.runAt(address);
  if (run < 0) {
    const [start, end] = space.gapAround(address);
    return { title: "nothing is told", rows: [["IPA", rangeWords(start, end)], ["size", sizeWords(end - start)]] };
  }
  const kind = space.kindOf(run);
  const all = wholeRun || !kind.leaf;
  const [start, end] = all ? [space.start[run], space.end[run]] : space.entryAround(address, run);
  const pa = space.paAt(start, run);
  const rows = [["IPA", rangeWords(start, end)]];
  const add = (name, value) => {
    if (value !== null && value !== undefined && value !== "") {
      rows.push([name, value]);
    }
  };
  add("PA", pa < 0 ? null : kind.leaf ? rangeWords(pa, pa + (end - start)) : hex(pa));
  add("level", kind.level);
  if (kind.leaf) {
    add("permissions", kind.permissions);
    add("type", [kind.type, kind.shareability].filter(Boolean).join(" "));
    add("age", kind.young === null ? null : kind.young ? "young (access flag set)" : "old (access flag clear)");
    add("limited by", kind.reason);
  }
  add(kind.reason ? "because" : "note", kind.words);
  const entries = kind.leaf ? space.bytes(run) / kind.entryBytes : 1;
  if (all) {
    add("size", sizeWords(space.bytes(run)));
  } else if (entries > 1) {
    add("in a run", `${rangeWords(space.start[run], space.end[run])}, ${countWords(entries)} ${entryNoun(kind.level, entries)}`);
  }
  return { title: title(kind, wholeRun ? entries : 1), rows };
}

export function placeText(place) {
  return `${place.title}; ${place.rows.map(([name, value]) => `${name} ${value}`).join("; ")}`;
}

// Text only: whatever a name is, it is no markup.
export function placeElements(place) {
  const heading = document.createElement("strong");
  heading.textContent = place.title;
  const list = document.createElement("dl");
  for (const [name, value] of place.rows) {
    const term = document.createElement("dt");
    term.textContent = name;
    const definition = document.createElement("dd");
    definition.textContent = value;
    list.append(term, definition);
  }
  return [heading, list];
}
