// SPDX-License-Identifier: MIT
// Painter: what the views draw with - colours of the theme, and rectangles on whole pixels.

const colourNames = [
  "vermilion", "orange", "sky", "green", "blue", "teal", "purple", "grey", "odd",
  "unknown", "surface", "ground", "grid", "text", "muted", "accent",
];

// The theme's colours as the browser computes them.
export function themeColours(element) {
  const probe = document.createElement("span");
  element.append(probe);
  const colours = {};
  for (const name of colourNames) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.colours = themeColours(canvas.parentElement);
  }

  begin(width, height, colouring) {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
    }
    this.width = width;
    this.height = height;
    this.colouring = colouring;
    this.fills = colouring.categories.map((category) => this.#fill(category.colour));
    const { context } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = this.colours.surface;
    context.fillRect(0, 0, width, height);
    context.font = '11px ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", Menlo, Consolas, monospace';
  }

  // What is odd is striped, so that it is odd without its colour, too.
  #fill(colour) {
    if (colour !== "odd" && colour !== "unknown") {
      return this.colours[colour];
    }
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    context.fillStyle = this.colours.ground;
    context.fillRect(0, 0, 8, 8);
    context.strokeStyle = this.colours[colour];
    context.lineWidth = colour === "odd" ? 2 : 1;
    for (const shift of [-8, 0, 8]) {
      context.beginPath();
      context.moveTo(shift - 1, 9);
      context.lineTo(shift + 9, -1);
      context.stroke();
    }
    return this.context.createPattern(tile, "repeat");
  }

  isShown(run) {
    return this.colouring.of(run) >= 0;
  }

  #rect([x, y, width, height], gap = 0) {
    const left = Math.max(-2, Math.round(x));
    const top = Math.max(-2, Math.round(y));
    const right = Math.min(this.width + 2, Math.round(x + width));
    const bottom = Math.min(this.height + 2, Math.round(y + height));
    this.context.fillRect(left, top, Math.max(right - left - gap, 1), Math.max(bottom - top - gap, 1));
  }

  ground(rect) {
    this.context.fillStyle = this.colours.ground;
    this.#rect(rect);
  }

  whole(rect, run) {
    this.context.fillStyle = this.fills[this.colouring.of(run)];
    this.#rect(rect);
  }

  // One mapping, told from its neighbours.
  entry(rect, run) {
    if (this.isShown(run)) {
      this.context.fillStyle = this.fills[this.colouring.of(run)];
      this.#rect(rect, rect[2] > 4 && rect[3] > 4 ? 1 : 0);
    }
  }

  // A range in which are several runs: what most of it is, and as strong as much of it is mapped; but
  // even a single page stays visible.
  mixed(rect, start, end, first) {
    const [category, part] = this.colouring.dominant(start, end, first);
    if (category >= 0) {
      this.context.globalAlpha = 0.35 + 0.65 * part;
      this.context.fillStyle = this.fills[category];
      this.#rect(rect);
      this.context.globalAlpha = 1;
    }
  }

  gridRect([x, y, width, height], strong) {
    this.context.strokeStyle = strong ? this.colours.muted : this.colours.grid;
    this.context.lineWidth = 1;
    this.context.strokeRect(Math.round(x) - 0.5, Math.round(y) - 0.5, Math.round(x + width) - Math.round(x), Math.round(y + height) - Math.round(y));
  }

  #text(text, x, y) {
    const { context } = this;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = this.colours.surface;
    context.strokeText(text, x, y);
    context.fillStyle = this.colours.text;
    context.fillText(text, x, y);
  }

  // In a corner of a rectangle that may begin outside.
  label(text, [x, y, width, height]) {
    const left = Math.max(x, 0) + 5;
    const top = Math.max(y, 0) + 5;
    if (left + this.context.measureText(text).width < x + width && top + 12 < y + height && left < this.width - 20 && top < this.height - 12) {
      this.context.textAlign = "left";
      this.context.textBaseline = "top";
      this.#text(text, left, top);
    }
  }

  rowLabel(text, x, y, line) {
    this.context.fillStyle = line % 2 === 0 ? this.colours.text : this.colours.muted;
    this.context.textAlign = "right";
    this.context.textBaseline = "middle";
    this.context.fillText(text, x, y + 0.5);
  }

  corner(text) {
    this.context.textAlign = "right";
    this.context.textBaseline = "bottom";
    this.#text(text, this.width - 8, this.height - 6);
  }

  // Around all of the rectangles together: what is drawn inside of them is cut away.
  outline(rects) {
    const { context } = this;
    const inside = new Path2D();
    for (const [x, y, width, height] of rects) {
      const [left, top] = [Math.round(x), Math.round(y)];
      inside.rect(left, top, Math.max(Math.round(x + width) - left, 2), Math.max(Math.round(y + height) - top, 2));
    }
    const outside = new Path2D();
    outside.rect(-10, -10, this.width + 20, this.height + 20);
    outside.addPath(inside);
    context.save();
    context.clip(outside, "evenodd");
    context.lineJoin = "round";
    context.strokeStyle = this.colours.surface;
    context.lineWidth = 8;
    context.stroke(inside);
    context.strokeStyle = this.colours.accent;
    context.lineWidth = 5;
    context.stroke(inside);
    context.restore();
  }

  crosshair(x, y) {
    const { context } = this;
    for (const [colour, width] of [[this.colours.surface, 5], [this.colours.text, 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, 7, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 7 * dx, y + 7 * dy);
        context.lineTo(x + 14 * dx, y + 14 * dy);
      }
      context.stroke();
    }
  }
}
