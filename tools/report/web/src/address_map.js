// SPDX-License-Identifier: MIT
// AddressMap: the canvas with its controls - what is shown of which space, where, and in which colours.
import { Colouring, modes } from "./colouring.js";
import { onGestures } from "./gestures.js";
import { HilbertView } from "./hilbert_view.js";
import { Painter, themeColours } from "./painter.js";
import { describePlace, placeElements, placeText } from "./place.js";
import { RowsView } from "./rows_view.js";
import { aboutWords, parseAddress, rangeWords, sizeWords } from "./words.js";

const zoomStep = 2;
const byId = (id) => document.getElementById(id);

function pixelWords(pixels) {
  return pixels >= 10 ? Math.round(pixels) : Math.round(pixels * 10) / 10;
}

export class AddressMap {
  constructor({ onSelect, onColouring }) {
    this.onSelect = onSelect;
    this.onColouring = onColouring;
    this.canvas = byId("map");
    this.tooltip = byId("tooltip");
    this.painter = new Painter(this.canvas);
    this.layout = "hilbert";
    this.mode = "size";
    this.selected = -1;
    this.pointer = null;
    this.focused = false;
    this.#listen();
  }

  show(space) {
    this.space = space;
    this.selected = -1;
    this.views = { hilbert: new HilbertView(space), rows: new RowsView(space) };
    this.#resize();
    this.#offerModes();
    this.setMode(modes[this.mode].missing(space.kinds) ? "size" : this.mode);
    this.fitMapped();
  }

  get view() {
    return this.views[this.layout];
  }

  #offerModes() {
    const reasons = [];
    for (const input of document.querySelectorAll("input[name=colour]")) {
      const missing = modes[input.value].missing(this.space.kinds);
      input.disabled = missing !== "";
      input.parentElement.title = missing;
      if (missing) {
        reasons.push(`${modes[input.value].label} is off: ${missing}.`);
      }
    }
    byId("modes-missing").textContent = reasons.join(" ");
  }

  setMode(mode) {
    this.mode = mode;
    byId(`colour-${mode}`).checked = true;
    this.colouring = new Colouring(this.space, mode);
    this.#showLegend();
    this.onColouring(this.colouring);
    this.redraw();
  }

  setLayout(layout) {
    const centre = this.view.centre();
    const bytes = this.view.viewBytes();
    this.layout = layout;
    byId(`layout-${layout}`).checked = true;
    if (bytes >= this.space.limit) {
      this.view.fitAll();
    } else {
      // Near to what was shown before.
      this.view.fitAll();
      this.view.centreOn(centre);
      for (let step = 0; step < 60 && this.view.viewBytes() > 1.5 * bytes; ++step) {
        this.view.zoom(zoomStep);
      }
      this.view.centreOn(centre);
    }
    this.redraw();
  }

  fitAll() {
    this.view.fitAll();
    this.redraw();
  }

  fitMapped() {
    this.view.fit(this.layout === "hilbert" ? this.space.mappedRanges().concat(this.#fallback()) : [this.space.mappedRange()]);
    this.redraw();
  }

  #fallback() {
    return this.space.nextShown(-1, 1) < 0 ? [[0, this.space.limit]] : [];
  }

  zoom(factor, x, y) {
    this.view.zoom(factor, x, y);
    this.redraw();
  }

  // From the table: the run in the middle, and large enough to be seen.
  centreOnRun(run) {
    this.select(run, false);
    const { space, view } = this;
    const bytes = space.bytes(run);
    const pixels = bytes / view.bytesPerPixel();
    if (pixels < 400 || bytes > view.viewBytes()) {
      view.fit([[space.start[run], space.end[run]]]);
    }
    view.centreOn(space.start[run] + Math.floor(bytes / 2 / space.granule) * space.granule);
    this.redraw();
  }

  goTo(address) {
    const run = this.space.runAt(address);
    this.select(run >= 0 && !this.space.kindOf(run).nothing ? run : -1);
    const table = this.space.levels.at(-2)?.entryBytes ?? this.space.limit;
    if (this.view.viewBytes() > 64 * table) {
      const start = Math.floor(address / table) * table;
      this.view.fit([[start, Math.min(start + table, this.space.limit)]]);
    }
    this.view.centreOn(address);
    this.redraw();
  }

  select(run, tell = true) {
    this.selected = run;
    const panel = byId("selection");
    panel.replaceChildren();
    if (run >= 0) {
      panel.append(...placeElements(describePlace(this.space, this.space.start[run], true)));
    } else {
      const hint = document.createElement("p");
      hint.className = "muted";
      hint.textContent = "Click into the map, or choose a run in the table.";
      panel.append(hint);
    }
    if (tell) {
      this.onSelect(run);
    }
    this.redraw();
  }

  themeChanged() {
    this.painter.colours = themeColours(this.canvas.parentElement);
    this.redraw();
  }

  redraw() {
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = undefined;
        this.#draw();
      });
    }
  }

  #draw() {
    if (!this.space) {
      return;
    }
    const { view, painter, space } = this;
    painter.begin(view.width, view.height, this.colouring);
    view.draw(painter);
    if (this.selected >= 0) {
      const rects = view.outlineRects(space.start[this.selected], space.end[this.selected]);
      if (rects.length > 0) {
        painter.outline(rects);
      }
    }
    if (this.focused) {
      painter.crosshair(...this.#centrePoint());
    }
    this.#readOut();
    this.#showTooltip();
  }

  #centrePoint() {
    return this.view.centrePoint?.() ?? [this.view.width / 2, this.view.height / 2];
  }

  #readOut() {
    const { view, space } = this;
    const parts = [`1 px is ${aboutWords(view.bytesPerPixel())}`, `the view ${aboutWords(view.viewBytes())}`];
    // The largest entry that is not larger than the view.
    const entry = space.levels.find(({ entryBytes }) => entryBytes <= view.viewBytes()) ?? space.levels.at(-1);
    const [width] = view.pixelsOf(entry.entryBytes);
    const table = entry.level < 3 ? `, a table of level ${entry.level + 1},` : "";
    parts.push(`an entry of level ${entry.level}${table} covers ${sizeWords(entry.entryBytes)}: ${pixelWords(width)} px wide`);
    byId("scale").textContent = parts.join(" · ");
    this.#showPath(view.centre());
  }

  // The entries that lead to the middle of the view; each is a button that shows what it covers.
  #showPath(address) {
    const path = byId("path");
    const key = `${this.layout} ${address}`;
    if (path.dataset.key === key) {
      return;
    }
    path.dataset.key = key;
    const items = [["whole space", 0, this.space.limit]];
    for (const { level, entryBytes } of this.space.levels) {
      const start = Math.floor(address / entryBytes) * entryBytes;
      const above = items.at(-1);
      items.push([`level ${level}, entry ${(start - above[1]) / entryBytes}`, start, Math.min(start + entryBytes, this.space.limit)]);
    }
    // A focused button stays the one that has the focus.
    items.forEach(([label, start, end], i) => {
      let item = path.children[i];
      if (!item) {
        item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        item.append(button);
        path.append(item);
      }
      const button = item.firstChild;
      button.textContent = `${label} · ${sizeWords(end - start)}`;
      button.title = `show ${rangeWords(start, end)}`;
      button.onclick = () => {
        this.view.fit([[start, end]]);
        this.redraw();
      };
    });
    while (path.children.length > items.length) {
      path.lastChild.remove();
    }
  }

  #showTooltip() {
    const { tooltip, view } = this;
    const point = this.pointer ?? (this.focused ? this.#centrePoint() : null);
    const address = !point ? -1 : this.pointer ? view.addressAt(...point) : view.centre();
    if (address < 0) {
      tooltip.hidden = true;
      return;
    }
    const place = describePlace(this.space, address);
    const text = placeText(place);
    if (tooltip.dataset.text !== text) {
      tooltip.dataset.text = text;
      tooltip.replaceChildren(...placeElements(place));
    }
    if (!this.pointer) {
      this.#announce(text);
    }
    tooltip.hidden = false;
    const [x, y] = point;
    const width = tooltip.offsetWidth;
    const height = tooltip.offsetHeight;
    const left = x + 18 + width < view.width ? x + 18 : Math.max(x - 18 - width, 4);
    const top = y + 18 + height < view.height ? y + 18 : Math.max(y - 18 - height, 4);
    tooltip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  // Who listens hears where they stopped, not every step.
  #announce(text) {
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      if (this.focused) {
        byId("spoken").textContent = text;
      }
    }, 350);
  }

  #showLegend() {
    const list = byId("legend");
    list.replaceChildren();
    const mapped = this.colouring.categories.reduce((sum, category) => sum + (category.odd ? 0 : category.bytes), 0);
    for (const category of this.colouring.categories) {
      const item = document.createElement("li");
      const swatch = document.createElement("span");
      swatch.className = `swatch ${category.colour}`;
      const label = document.createElement("span");
      label.textContent = category.label;
      const bytes = document.createElement("span");
      bytes.className = "amount";
      const percent = (100 * category.bytes) / mapped;
      const part = category.odd ? "" : ` · ${percent >= 99.95 ? 100 : percent < 0.1 ? "<0.1" : percent.toFixed(1)} %`;
      bytes.textContent = sizeWords(category.bytes) + part;
      item.append(swatch, label, bytes);
      list.append(item);
    }
    if (this.colouring.categories.length === 0) {
      const item = document.createElement("li");
      item.className = "muted";
      item.textContent = "nothing is mapped";
      list.append(item);
    }
  }

  #resize() {
    const box = this.canvas.getBoundingClientRect();
    if (this.views && box.width > 0) {
      for (const view of Object.values(this.views)) {
        view.resize(box.width, box.height);
      }
      this.redraw();
    }
  }

  #listen() {
    const { canvas } = this;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    onGestures(canvas, {
      zoomBy: (factor, x, y) => this.zoom(factor, x, y),
      panBy: (dx, dy) => {
        this.view.pan(dx, dy);
        this.redraw();
      },
      ended: () => this.redraw(),
    });
    const pointAt = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = pointAt(event);
      this.redraw();
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.redraw();
    });
    canvas.addEventListener("click", (event) => {
      const address = this.view.addressAt(...pointAt(event));
      if (address >= 0) {
        this.select(this.space.runAt(address));
      }
    });
    canvas.addEventListener("dblclick", (event) => this.zoom(event.shiftKey ? 1 / 4 : 4, ...pointAt(event)));
    canvas.addEventListener("focus", () => {
      this.focused = canvas.matches(":focus-visible");
      this.redraw();
    });
    canvas.addEventListener("blur", () => {
      this.focused = false;
      this.redraw();
    });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    for (const [id, action] of [
      ["zoom-in", () => this.zoom(zoomStep)],
      ["zoom-out", () => this.zoom(1 / zoomStep)],
      ["fit-all", () => this.fitAll()],
      ["fit-mapped", () => this.fitMapped()],
    ]) {
      byId(id).addEventListener("click", action);
    }
    for (const input of document.querySelectorAll("input[name=layout]")) {
      input.addEventListener("change", () => this.setLayout(input.value));
    }
    for (const input of document.querySelectorAll("input[name=colour]")) {
      input.addEventListener("change", () => this.setMode(input.value));
    }
    byId("go-to").addEventListener("submit", (event) => {
      event.preventDefault();
      const input = byId("go-to-address");
      const address = parseAddress(input.value);
      const good = address >= 0 && address < this.space.limit;
      input.setAttribute("aria-invalid", String(!good));
      byId("go-to-error").textContent = good ? "" : `expected an address below ${sizeWords(this.space.limit)}, as 0x40000000 or 1G`;
      if (good) {
        this.goTo(address);
      }
    });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const step = event.shiftKey ? 4 : 1;
    const { view } = this;
    const [dx, dy] = this.layout === "rows" ? [view.rowPixels / 16, view.rowHeight] : [48, 48];
    const pan = (x, y) => view.pan(x * step, y * step);
    const actions = {
      ArrowLeft: () => pan(dx, 0),
      ArrowRight: () => pan(-dx, 0),
      ArrowUp: () => pan(0, dy),
      ArrowDown: () => pan(0, -dy),
      PageUp: () => view.pan(0, view.height * 0.8),
      PageDown: () => view.pan(0, -view.height * 0.8),
      "+": () => view.zoom(zoomStep, ...this.#zoomPoint()),
      "=": () => view.zoom(zoomStep, ...this.#zoomPoint()),
      "-": () => view.zoom(1 / zoomStep, ...this.#zoomPoint()),
      0: () => view.fitAll(),
      m: () => this.fitMapped(),
      n: () => this.#step(1),
      p: () => this.#step(-1),
      Home: () => this.#jump(this.space.nextShown(-1, 1)),
      End: () => this.#jump(this.space.nextShown(this.space.count, -1)),
      Enter: () => this.select(this.space.runAt(view.centre())),
      Escape: () => this.select(-1),
    };
    const action = actions[event.key];
    if (action) {
      event.preventDefault();
      this.focused = true;
      this.pointer = null;
      action();
      this.redraw();
    }
  }

  #zoomPoint() {
    return this.#centrePoint();
  }

  // To the next run that is not a hole, from what is in the middle.
  #step(direction) {
    const centre = this.view.centre();
    const at = this.space.runAt(centre);
    const from = at >= 0 ? at : this.space.firstBehind(centre) - (direction > 0 ? 1 : 0);
    this.#jump(this.space.nextShown(from, direction));
  }

  #jump(run) {
    if (run >= 0) {
      this.view.centreOn(this.space.start[run]);
    }
  }
}
