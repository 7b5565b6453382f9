// SPDX-License-Identifier: MIT
// RowsView: addresses as lines of text, left to right and then down. A row is a power of two, so
// that what is aligned stands below each other; zooming changes what a row holds.
import { hex, sizeWords } from "./words.js";

const rows = 32;
const leastBordered = 5;
const pagesOfShortestRow = 16; // 32 of them are a table of 512 entries

export class RowsView {
  constructor(space) {
    this.space = space;
    this.page = space.granule;
    this.most = Math.max(space.limit / rows, this.page * pagesOfShortestRow);
    this.least = Math.min(this.page * pagesOfShortestRow, this.most);
    this.pending = 0; // of a zoom that is not yet a doubling
    this.resize(800, 500);
    this.fitAll();
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.gutter = width < 520 ? 92 : 120;
    this.rowHeight = height / rows;
  }

  get rowPixels() {
    return this.width - this.gutter;
  }

  fitAll() {
    this.row = this.most;
    this.start = 0;
    this.pending = 0;
  }

  fit(ranges) {
    const start = Math.min(...ranges.map((range) => range[0]));
    const end = Math.max(...ranges.map((range) => range[1]));
    this.row = this.least;
    while (this.row < this.most && Math.ceil(end / this.row) - Math.floor(start / this.row) > rows - 1) {
      this.row *= 2;
    }
    const used = Math.ceil(end / this.row) - Math.floor(start / this.row);
    this.start = (Math.floor(start / this.row) - Math.floor((rows - used) / 2)) * this.row;
    this.pending = 0;
    this.#keepInside();
  }

  // The address is in the middle of the view, where its row allows.
  centreOn(address) {
    this.start = (Math.floor(address / this.row) - rows / 2) * this.row;
    this.#keepInside();
    this.focus = address;
  }

  // Doubles or halves what a row holds; what is under the point stays in its row.
  zoom(factor, x = this.gutter + this.rowPixels / 2, y = this.height / 2 + this.rowHeight / 2) {
    this.pending += Math.log2(factor);
    const steps = Math.trunc(this.pending);
    if (steps === 0) {
      return;
    }
    this.pending -= steps;
    const address = this.#clamp(this.addressOf(x, y));
    const line = Math.floor(y / this.rowHeight);
    this.row = Math.min(Math.max(this.row / 2 ** steps, this.least), this.most);
    this.start = (Math.floor(address / this.row) - line) * this.row;
    this.#keepInside();
  }

  #clamp(address) {
    return Math.min(Math.max(address, 0), this.space.limit - this.page);
  }

  pan(dx, dy) {
    // A sixteenth of a row is still a round number.
    const step = this.row / 16;
    const bytes = (-dy / this.rowHeight) * this.row - (dx / this.rowPixels) * this.row + (this.carry ?? 0);
    const whole = Math.round(bytes / step) * step;
    this.carry = bytes - whole;
    this.start += whole;
    this.#keepInside();
  }

  #keepInside() {
    this.focus = undefined;
    const middle = (rows / 2) * this.row;
    const before = Math.min(0, Math.floor((this.space.limit - rows * this.row) / 2 / this.row) * this.row);
    this.start = Math.min(Math.max(this.start, Math.min(-middle, before)), this.space.limit - middle);
    if (rows * this.row >= this.space.limit) {
      this.start = 0;
    }
  }

  addressOf(x, y) {
    const line = Math.floor(y / this.rowHeight);
    const part = Math.min(Math.max((x - this.gutter) / this.rowPixels, 0), 1 - 1e-9);
    return this.start + line * this.row + Math.floor((part * this.row) / this.page) * this.page;
  }

  addressAt(x, y) {
    if (x < this.gutter || x >= this.width || y < 0 || y >= this.height) {
      return -1;
    }
    const address = this.addressOf(x, y);
    return address >= 0 && address < this.space.limit ? address : -1;
  }

  // What was asked for, while it is in the view: a row has no middle of its own.
  centre() {
    return this.focus ?? this.#clamp(this.start + (rows / 2) * this.row + this.row / 2);
  }

  // Where the centre is drawn.
  centrePoint() {
    const address = this.centre();
    const line = Math.floor((address - this.start) / this.row);
    const part = (address - this.start - line * this.row) / this.row;
    return [this.gutter + part * this.rowPixels, (line + 0.5) * this.rowHeight];
  }

  bytesPerPixel() {
    return this.row / this.rowPixels / this.rowHeight;
  }

  viewBytes() {
    return Math.min(rows * this.row, this.space.limit);
  }

  pixelsOf(bytes) {
    return [Math.min((bytes / this.row) * this.rowPixels, this.rowPixels), Math.max(1, bytes / this.row) * this.rowHeight];
  }

  #x(address, rowStart) {
    return this.gutter + ((address - rowStart) / this.row) * this.rowPixels;
  }

  draw(painter) {
    for (let line = 0; line < rows; ++line) {
      const start = this.start + line * this.row;
      const end = start + this.row;
      if (end <= 0 || start >= this.space.limit) {
        continue;
      }
      const y = line * this.rowHeight;
      const from = Math.max(start, 0);
      const to = Math.min(end, this.space.limit);
      painter.ground([this.#x(from, start), y + 1, this.#x(to, start) - this.#x(from, start), this.rowHeight - 2]);
      painter.rowLabel(hex(from), this.gutter - 8, y + this.rowHeight / 2, line);
      this.#drawRow(painter, from, to, start, y);
    }
    painter.corner(`a row is ${sizeWords(this.row)}`);
  }

  #drawRow(painter, from, to, rowStart, y) {
    const { space } = this;
    const first = space.firstBehind(from);
    let last = space.firstBehind(to - 1);
    if (last === space.count || space.start[last] >= to) {
      --last;
    }
    const [top, height] = [y + 1, this.rowHeight - 2];
    if (last - first > this.rowPixels / 2) { // more runs than could be told apart
      const step = this.row / (this.rowPixels / 2);
      for (let at = from; at < to; at += step) {
        const end = Math.min(at + step, to);
        const run = space.firstBehind(at);
        if (run < space.count && space.start[run] < end) {
          painter.mixed([this.#x(at, rowStart), top, 2, height], at, end, run);
        }
      }
      return;
    }
    for (let run = first; run <= last; ++run) {
      if (!painter.isShown(run)) {
        continue;
      }
      const start = Math.max(space.start[run], from);
      const end = Math.min(space.end[run], to);
      const { entryBytes } = space.kindOf(run);
      const pixels = (entryBytes / this.row) * this.rowPixels;
      if (entryBytes && pixels >= leastBordered && pixels <= this.rowPixels) {
        for (let at = Math.floor(start / entryBytes) * entryBytes; at < end; at += entryBytes) {
          const [a, b] = [Math.max(at, start), Math.min(at + entryBytes, end)];
          painter.entry([this.#x(a, rowStart), top, this.#x(b, rowStart) - this.#x(a, rowStart), height], run);
        }
      } else {
        const x = this.#x(start, rowStart);
        painter.whole([x, top, Math.max(this.#x(end, rowStart) - x, 1), height], run);
      }
    }
  }

  outlineRects(start, end) {
    const rects = [];
    for (let line = 0; line < rows; ++line) {
      const rowStart = this.start + line * this.row;
      const from = Math.max(rowStart, start);
      const to = Math.min(rowStart + this.row, end);
      if (from < to) {
        const x = this.#x(from, rowStart);
        rects.push([x, line * this.rowHeight, Math.max(this.#x(to, rowStart) - x, 2), this.rowHeight]);
      }
    }
    return rects;
  }
}
