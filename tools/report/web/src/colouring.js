// SPDX-License-Identifier: MIT
// Colouring: what of a run its colour says. A category is a label and a colour of style.css; the
// palette keeps apart for people who see fewer colours, and no answer is in the colour alone.
import { entryNoun, sizeWords } from "./words.js";

const most = 11; // categories; the rest is one

// By the level of an entry, and whether a contiguous run of them is one for the TLB.
const sizeColours = {
  3: ["vermilion", "orange"],
  2: ["sky", "green"],
  1: ["blue", "teal"],
  0: ["purple", "purple"],
};
const permissionColours = {
  rwx: "vermilion",
  "rw-": "sky",
  "r-x": "green",
  "r--": "blue",
  "-wx": "purple",
  "-w-": "orange",
  "--x": "teal",
  "---": "grey",
};
const reasonColours = ["sky", "vermilion", "blue", "orange", "green", "purple", "teal"];

const oddities = {
  invalid: "invalid, but not zero",
  reserved: "reserved descriptor",
  out_of_range: "table out of range",
  unread: "not known",
  again: "a table told before",
  unmappable: "cannot be mapped",
  unbacked: "no memory behind it",
};

export const modes = {
  size: {
    label: "Size",
    missing: () => "",
    of: (kind) => ({
      label: sizeLabel(kind),
      colour: (sizeColours[kind.level] ?? ["sky", "green"])[kind.contiguous ? 1 : 0],
      order: -kind.entryBytes - (kind.contiguous ? 0.5 : 0),
    }),
  },
  permission: {
    label: "Permission",
    missing: (kinds) =>
      kinds.some((kind) => kind.leaf && kind.permissions) ? "" : "the input says nothing about permissions",
    of: (kind) => ({
      label: kind.permissions ?? "not known",
      colour: permissionColours[kind.permissions] ?? "purple",
      order: kind.permissions ?? "~",
    }),
  },
  age: {
    label: "Age",
    missing: (kinds) =>
      kinds.some((kind) => kind.leaf && kind.young !== null)
        ? ""
        : "the input has no access flags: those of map, attach map and KVM's dumps do",
    of: (kind) =>
      kind.young === null
        ? { label: "not known", colour: "grey", order: 2 }
        : kind.young
          ? { label: "young (AF set)", colour: "orange", order: 0 }
          : { label: "old (AF clear)", colour: "blue", order: 1 },
  },
  reason: {
    label: "Reason",
    missing: (kinds) =>
      kinds.some((kind) => kind.leaf && kind.reason) ? "" : "only the JSON of twofold explain has reasons by address",
    of: (kind) => ({ label: kind.reason ?? "not known", colour: null, order: kind.reason ?? "~" }),
  },
};

export function sizeLabel(kind) {
  const noun = entryNoun(kind.level, 2);
  return `${sizeWords(kind.entryBytes)} ${noun}${kind.contiguous ? ", contiguous" : ""}`;
}

export function oddityWords(kind) {
  return oddities[kind.kind] ?? kind.kind;
}

export class Colouring {
  constructor(space, mode) {
    this.mode = mode;
    const found = new Map();
    const labels = space.kinds.map((kind) => {
      if (kind.hole) {
        return null;
      }
      const category = kind.leaf
        ? modes[mode].of(kind)
        : { label: oddityWords(kind), colour: kind.nothing ? "unknown" : "odd", order: "~~", odd: true };
      const known = found.get(category.label) ?? { ...category, bytes: 0 };
      found.set(category.label, known);
      return category.label;
    });
    this.categories = [...found.values()].sort((a, b) => {
      if (Boolean(a.odd) !== Boolean(b.odd)) {
        return a.odd ? 1 : -1;
      }
      return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
    });
    if (this.categories.length > most) {
      this.categories.length = most;
      this.categories.push({ label: "other", colour: "grey", bytes: 0 });
    }
    this.categories.forEach((category, i) => {
      category.colour ??= reasonColours[i % reasonColours.length];
    });
    const place = new Map(this.categories.map((category, i) => [category.label, i]));
    // Of each kind of run: -1 for holes.
    this.ofKind = Int32Array.from(labels, (label) =>
      label === null ? -1 : (place.get(label) ?? this.categories.length - 1),
    );
    this.#sum(space);
  }

  // Bytes of each category before a run, so that any range is summed by two searches.
  #sum(space) {
    this.before = this.categories.map(() => new Float64Array(space.count + 1));
    for (let run = 0; run < space.count; ++run) {
      const category = this.ofKind[space.kind[run]];
      for (let i = 0; i < this.before.length; ++i) {
        this.before[i][run + 1] = this.before[i][run] + (i === category ? space.bytes(run) : 0);
      }
    }
    this.categories.forEach((category, i) => {
      category.bytes = this.before[i][space.count];
    });
    this.space = space;
  }

  of(run) {
    return this.ofKind[this.space.kind[run]];
  }

  // The category with the most bytes in a range whose first run is known, and the part of the range
  // that any has: [category, part]; -1 if none has.
  dominant(start, end, first) {
    const { space } = this;
    let last = space.firstBehind(end - 1);
    if (last === space.count || space.start[last] >= end) {
      --last;
    }
    if (last < first) {
      return [-1, 0];
    }
    const head = Math.max(0, start - space.start[first]);
    const tail = Math.max(0, space.end[last] - end);
    let best = -1;
    let bestBytes = 0;
    let all = 0;
    for (let i = 0; i < this.before.length; ++i) {
      let bytes = this.before[i][last + 1] - this.before[i][first];
      bytes -= this.of(first) === i ? head : 0;
      bytes -= this.of(last) === i ? tail : 0;
      all += bytes;
      if (bytes > bestBytes) {
        bestBytes = bytes;
        best = i;
      }
    }
    return [best, all / (end - start)];
  }
}
