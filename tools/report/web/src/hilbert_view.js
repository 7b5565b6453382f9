// SPDX-License-Identifier: MIT
// HilbertView: a window onto the curve, from the whole space down to single pages.
import { Curve, alignedParts, child, halfOf } from "./hilbert.js";
import { hex } from "./words.js";

const largestCell = 96; // pixels of a page's side
const leastBordered = 5; // pixels of an entry's side from which it is told from its neighbours
const leastLabelled = 120;

export class HilbertView {
  constructor(space) {
    this.space = space;
    this.page = space.granule;
    this.curve = new Curve(space.ipaBits - Math.log2(space.granule));
    this.scale = 1; // pixels of a page's side
    this.x = 0; // of the curve's origin
    this.y = 0;
    this.resize(800, 500);
    this.fitAll();
  }

  resize(width, height) {
    const centre = this.width ? this.centre() : 0;
    this.width = width;
    this.height = height;
    if (this.everFit) {
      this.scale = Math.max(this.scale, this.#leastScale());
      this.centreOn(centre);
    }
  }

  #leastScale() {
    return Math.min(this.width / this.curve.width, this.height / this.curve.height) * 0.96;
  }

  fitAll() {
    this.everFit = true;
    this.scale = this.#leastScale();
    this.x = (this.width - this.curve.width * this.scale) / 2;
    this.y = (this.height - this.curve.height * this.scale) / 2;
  }

  #rectOfRange(start, end) {
    let left = Infinity;
    let top = Infinity;
    let right = -Infinity;
    let bottom = -Infinity;
    for (const rect of this.#rects(start, end)) {
      left = Math.min(left, rect.x);
      top = Math.min(top, rect.y);
      right = Math.max(right, rect.x + rect.width);
      bottom = Math.max(bottom, rect.y + rect.height);
    }
    return [left, top, right, bottom];
  }

  *#rects(start, end) {
    for (const [first, log] of alignedParts(Math.floor(start / this.page), Math.ceil(end / this.page))) {
      yield this.curve.rectOf(first, log);
    }
  }

  // Ranges of addresses, all of them in view.
  fit(ranges) {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [start, end] of ranges) {
      const rect = this.#rectOfRange(start, end);
      left = Math.min(left, rect[0]);
      top = Math.min(top, rect[1]);
      right = Math.max(right, rect[2]);
      bottom = Math.max(bottom, rect[3]);
    }
    const scale = Math.min(this.width / (right - left), this.height / (bottom - top)) * 0.9;
    this.scale = Math.min(Math.max(scale, this.#leastScale()), largestCell);
    this.#moveTo((left + right) / 2, (top + bottom) / 2);
  }

  #moveTo(x, y) {
    this.x = this.width / 2 - x * this.scale;
    this.y = this.height / 2 - y * this.scale;
  }

  centreOn(address) {
    const rect = this.curve.rectOf(Math.floor(address / this.page), 0);
    this.#moveTo(rect.x + 0.5, rect.y + 0.5);
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, this.#leastScale()), largestCell);
    const ratio = scale / this.scale;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.scale = scale;
    this.#keepInside();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#keepInside();
  }

  // The middle of the view is always somewhere on the curve.
  #keepInside() {
    const inside = (origin, size, length) => {
      const middle = (size / 2 - origin) / this.scale;
      const kept = Math.min(Math.max(middle, 0.5), length - 0.5);
      return size / 2 - kept * this.scale;
    };
    this.x = inside(this.x, this.width, this.curve.width);
    this.y = inside(this.y, this.height, this.curve.height);
  }

  // The page at a point, or -1 outside.
  addressAt(x, y) {
    const cell = this.curve.cellAt((x - this.x) / this.scale, (y - this.y) / this.scale);
    return cell < 0 ? -1 : cell * this.page;
  }

  centre() {
    return Math.max(0, this.addressAt(this.width / 2, this.height / 2));
  }

  bytesPerPixel() {
    return this.page / (this.scale * this.scale);
  }

  viewBytes() {
    return Math.min(this.width * this.height * this.bytesPerPixel(), this.space.limit);
  }

  // Pixels of a piece of memory of a power of two.
  pixelsOf(bytes) {
    const log = Math.log2(bytes / this.page);
    const short = 2 ** Math.floor(log / 2) * this.scale;
    return log % 2 === 0 ? [short, short] : [2 * short, short];
  }

  pixelRect(rect) {
    return [this.x + rect.x * this.scale, this.y + rect.y * this.scale, rect.width * this.scale, rect.height * this.scale];
  }

  #isVisible([x, y, width, height]) {
    return x < this.width && y < this.height && x + width > 0 && y + height > 0;
  }

  draw(painter) {
    const rect = this.pixelRect({ x: 0, y: 0, width: this.curve.width, height: this.curve.height });
    painter.ground(rect);
    for (const root of this.curve.roots()) {
      this.#drawNode(painter, root);
    }
    this.#drawGrid(painter);
  }

  #drawNode(painter, node) {
    const side = 2 ** node.order;
    const rect = this.pixelRect({ x: node.x, y: node.y, width: side, height: side });
    if (!this.#isVisible(rect)) {
      return;
    }
    const { space } = this;
    const start = node.first * this.page;
    const end = start + 4 ** node.order * this.page;
    const run = space.firstBehind(start);
    if (run === space.count || space.start[run] >= end) {
      return;
    }
    if (space.start[run] <= start && space.end[run] >= end) {
      this.#drawUniform(painter, node, rect, run);
    } else if (rect[2] <= 2 || node.order === 0) {
      painter.mixed(rect, start, end, run);
    } else {
      this.#drawHalf(painter, node, 0);
      this.#drawHalf(painter, node, 1);
    }
  }

  // An entry may be half of a node: of 2 MiB with 4K pages, for one.
  #drawHalf(painter, node, half) {
    const { space } = this;
    const bytes = 2 * 4 ** (node.order - 1) * this.page;
    const start = node.first * this.page + half * bytes;
    const run = space.runAt(start);
    if (run >= 0 && space.end[run] >= start + bytes && space.kindOf(run).entryBytes === bytes) {
      painter.entry(this.pixelRect(halfOf(node, half)), run);
      return;
    }
    this.#drawNode(painter, child(node, 2 * half));
    this.#drawNode(painter, child(node, 2 * half + 1));
  }

  #drawUniform(painter, node, rect, run) {
    if (!painter.isShown(run)) {
      return;
    }
    const { entryBytes } = this.space.kindOf(run);
    const bytes = 4 ** node.order * this.page;
    const pixels = entryBytes ? this.pixelsOf(entryBytes)[1] : 0;
    if (entryBytes === bytes) {
      painter.entry(rect, run);
    } else if (entryBytes > bytes || pixels < leastBordered) {
      painter.whole(rect, run);
    } else {
      this.#drawEntries(painter, node, run, entryBytes);
    }
  }

  #drawEntries(painter, node, run, entryBytes) {
    const side = 2 ** node.order;
    const rect = this.pixelRect({ x: node.x, y: node.y, width: side, height: side });
    if (!this.#isVisible(rect)) {
      return;
    }
    const bytes = 4 ** node.order * this.page;
    if (bytes === entryBytes) {
      painter.entry(rect, run);
    } else if (bytes === 2 * entryBytes) {
      painter.entry(this.pixelRect(halfOf(node, 0)), run);
      painter.entry(this.pixelRect(halfOf(node, 1)), run);
    } else {
      for (let position = 0; position < 4; ++position) {
        this.#drawEntries(painter, child(node, position), run, entryBytes);
      }
    }
  }

  // What one entry of each level covers, where that is large enough to be seen.
  #drawGrid(painter) {
    let labelled = null;
    const drawn = [];
    for (const { entryBytes } of this.space.levels) {
      const [width, height] = this.pixelsOf(entryBytes);
      if (height >= 20 && height < 4 * Math.max(this.width, this.height)) {
        drawn.unshift(entryBytes);
      }
      if (width >= leastLabelled && height >= 40) {
        labelled = entryBytes;
      }
    }
    // The smallest first: an entry above has the stronger line.
    drawn.forEach((entryBytes, above) => {
      for (const [rect] of this.#blocks(entryBytes)) {
        painter.gridRect(rect, above > 0);
      }
    });
    if (labelled) {
      for (const [rect, address] of this.#blocks(labelled)) {
        painter.label(hex(address), rect);
      }
    }
  }

  *#blocks(bytes) {
    const log = Math.log2(bytes / this.page);
    const order = Math.ceil(log / 2);
    const stack = this.curve.roots();
    while (stack.length > 0) {
      const node = stack.pop();
      const side = 2 ** node.order;
      if (!this.#isVisible(this.pixelRect({ x: node.x, y: node.y, width: side, height: side }))) {
        continue;
      }
      if (node.order > order) {
        for (let position = 0; position < 4; ++position) {
          stack.push(child(node, position));
        }
      } else if (node.order < order) {
        return; // larger than the whole
      } else if (log % 2 === 0) {
        yield [this.pixelRect({ x: node.x, y: node.y, width: side, height: side }), node.first * this.page];
      } else {
        for (const half of [0, 1]) {
          yield [this.pixelRect(halfOf(node, half)), node.first * this.page + half * bytes];
        }
      }
    }
  }

  // The visible rectangles of a range, for its outline.
  outlineRects(start, end) {
    const rects = [];
    for (const rect of this.#rects(start, end)) {
      const pixels = this.pixelRect(rect);
      if (this.#isVisible(pixels)) {
        rects.push(pixels);
      }
    }
    return rects;
  }
}
