// SPDX-License-Identifier: MIT
// Space: one guest's address space with its runs, of which there may be hundreds of thousands; all
// questions about addresses are answered by search.

export class Space {
  constructor(json) {
    const count = json.runs.length;
    this.name = json.name;
    this.granule = json.granule;
    this.ipaBits = json.ipa_bits;
    this.limit = 2 ** json.ipa_bits;
    this.levels = json.levels.map((level) => ({ level: level.level, entryBytes: level.entry_bytes }));
    this.kinds = json.kinds.map(readKind);
    this.notes = json.notes;
    this.skipped = json.skipped;
    this.runsLeftOut = json.runs_left_out;
    this.certain = { granule: json.granule_certain, ipaBits: json.ipa_bits_certain };
    this.paBits = json.pa_bits;
    this.start = new Float64Array(count);
    this.end = new Float64Array(count);
    this.pa = new Float64Array(count); // -1: not known
    this.kind = new Uint32Array(count);
    json.runs.forEach(([ipa, bytes, pa, kind], i) => {
      this.start[i] = ipa;
      this.end[i] = ipa + bytes;
      this.pa[i] = pa ?? -1;
      this.kind[i] = kind;
    });
  }

  get count() {
    return this.start.length;
  }

  kindOf(run) {
    return this.kinds[this.kind[run]];
  }

  bytes(run) {
    return this.end[run] - this.start[run];
  }

  // The first run that ends behind the address; count if there is none.
  firstBehind(address) {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end[middle] > address) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  // The run that has the address, or -1.
  runAt(address) {
    const run = this.firstBehind(address);
    return run < this.count && this.start[run] <= address ? run : -1;
  }

  // The next run in a direction that has something, or -1.
  nextShown(run, step) {
    let next = run + step;
    while (next >= 0 && next < this.count && this.kindOf(next).nothing) {
      next += step;
    }
    return next >= 0 && next < this.count ? next : -1;
  }

  // Where nothing is told around an address.
  gapAround(address) {
    const next = this.firstBehind(address);
    return [next === 0 ? 0 : this.end[next - 1], next === this.count ? this.limit : this.start[next]];
  }

  // From the first to the last that is mapped; the whole space if nothing is.
  mappedRange() {
    const first = this.nextShown(-1, 1);
    const last = this.nextShown(this.count, -1);
    return first < 0 ? [0, this.limit] : [this.start[first], this.end[last]];
  }

  // Ranges that are mapped without a gap.
  mappedRanges() {
    const ranges = [];
    for (let run = 0; run < this.count; ++run) {
      if (this.kindOf(run).nothing) {
        continue;
      }
      const last = ranges.at(-1);
      if (last && last[1] === this.start[run]) {
        last[1] = this.end[run];
      } else {
        ranges.push([this.start[run], this.end[run]]);
      }
    }
    return ranges;
  }

  // What one entry covers around an address: of the run that is there.
  entryAround(address, run) {
    const { entryBytes } = this.kindOf(run);
    if (!entryBytes) {
      return [this.start[run], this.end[run]];
    }
    const start = Math.floor(address / entryBytes) * entryBytes;
    return [Math.max(start, this.start[run]), Math.min(start + entryBytes, this.end[run])];
  }

  // The physical address that is behind an address of a run, or -1.
  paAt(address, run) {
    return this.pa[run] < 0 ? -1 : this.pa[run] + (address - this.start[run]);
  }
}

function readKind(json) {
  return {
    kind: json.kind,
    leaf: json.kind === "leaf",
    hole: json.kind === "hole",
    nothing: json.kind === "hole" || json.kind === "unread", // that one would look for
    level: json.level,
    entryBytes: json.entry_bytes,
    contiguous: json.contiguous,
    permissions: json.permissions,
    type: json.type,
    shareability: json.shareability,
    young: json.young,
    reason: json.reason,
    words: json.words,
  };
}
