// SPDX-License-Identifier: MIT
// RunTable: the runs of a space as a table, sorted and filtered, a page of rows at a time.
import { oddityWords, sizeLabel } from "./colouring.js";
import { countWords, entryNoun, hex, parseAddress, sizeWords } from "./words.js";

const rowsOfPage = 50;
const typingPause = 120;
const byId = (id) => document.getElementById(id);

function ageWords(kind) {
  return kind.young === null ? "" : kind.young ? "young" : "old";
}

function kindWords(kind) {
  return kind.leaf ? entryNoun(kind.level, 2) : kind.hole ? "not mapped" : oddityWords(kind);
}

// A column that no run has anything for is not shown.
const columns = [
  { name: "IPA", numeric: true, key: (space, run) => space.start[run], text: (space, run) => hex(space.start[run]), always: true },
  { name: "to", numeric: true, key: (space, run) => space.end[run], text: (space, run) => hex(space.end[run]), always: true },
  { name: "size", numeric: true, key: (space, run) => space.bytes(run), text: (space, run) => sizeWords(space.bytes(run)), always: true },
  {
    name: "mappings",
    numeric: true,
    key: (space, run) => (space.kindOf(run).leaf ? space.bytes(run) / space.kindOf(run).entryBytes : 0),
    text: (space, run) => (space.kindOf(run).leaf ? countWords(space.bytes(run) / space.kindOf(run).entryBytes) : ""),
    always: true,
  },
  {
    name: "of",
    key: (space, run) => (space.kindOf(run).leaf ? space.kindOf(run).entryBytes : 0),
    text: (space, run) => {
      const kind = space.kindOf(run);
      return kind.leaf ? sizeLabel(kind) : kindWords(kind);
    },
    always: true,
  },
  { name: "level", numeric: true, key: (space, run) => space.kindOf(run).level ?? 9, text: (space, run) => String(space.kindOf(run).level ?? ""), has: (kind) => kind.level !== null },
  { name: "PA", numeric: true, key: (space, run) => space.pa[run], text: (space, run) => (space.pa[run] < 0 ? "" : hex(space.pa[run])), hasRuns: (space) => space.pa.some((pa) => pa >= 0) },
  ofKind("permissions", (kind) => kind.permissions ?? ""),
  ofKind("type", (kind) => kind.type ?? ""),
  ofKind("age", ageWords),
  ofKind("limited by", (kind) => kind.reason ?? ""),
];

function ofKind(name, words) {
  return { name, key: (space, run) => words(space.kindOf(run)), text: (space, run) => words(space.kindOf(run)), has: (kind) => words(kind) !== "" };
}

const filters = [
  { id: "filter-show", of: (kind) => (kind.leaf ? "mapped" : kind.hole ? "not mapped" : "odd") },
  { id: "filter-size", of: (kind) => (kind.leaf ? sizeLabel(kind) : "") },
  { id: "filter-permissions", of: (kind) => kind.permissions ?? "" },
  { id: "filter-age", of: ageWords },
];

export class RunTable {
  constructor({ onChoose }) {
    this.onChoose = onChoose;
    this.sorted = { column: columns[0], down: false };
    this.page = 0;
    this.selected = -1;
    byId("filter-text").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.#refilter(), typingPause);
    });
    for (const { id } of filters) {
      byId(id).addEventListener("change", () => this.#refilter());
    }
    byId("filter-clear").addEventListener("click", () => this.clearFilters());
    byId("page-first").addEventListener("click", () => this.#turn(0));
    byId("page-previous").addEventListener("click", () => this.#turn(this.page - 1));
    byId("page-next").addEventListener("click", () => this.#turn(this.page + 1));
    byId("page-last").addEventListener("click", () => this.#turn(Infinity));
  }

  show(space) {
    this.space = space;
    this.selected = -1;
    this.columns = columns.filter(
      (column) => column.always || (column.has ? space.kinds.some(column.has) : column.hasRuns(space)),
    );
    if (!this.columns.includes(this.sorted.column)) {
      this.sorted = { column: columns[0], down: false };
    }
    this.#offerFilters();
    this.#makeHead();
    this.clearFilters();
  }

  clearFilters() {
    byId("filter-text").value = "";
    for (const { id } of filters) {
      byId(id).value = "";
    }
    byId("filter-show").value = this.space.kinds.some((kind) => kind.leaf) ? "mapped" : "";
    this.#refilter();
  }

  // From the map: the row, on its page.
  select(run) {
    this.selected = run;
    const place = run < 0 ? -1 : this.order.indexOf(run);
    if (place >= 0) {
      this.page = Math.floor(place / rowsOfPage);
    }
    byId("table-hidden").textContent = run >= 0 && place < 0 ? "The run that is selected is not among these rows: the filters leave it out." : "";
    this.#fill();
  }

  #offerFilters() {
    for (const { id, of } of filters.slice(1)) {
      const select = byId(id);
      const sorted = this.space.kinds.filter((kind) => of(kind)).sort((a, b) => b.entryBytes - a.entryBytes);
      const values = [...new Set(sorted.map(of))];
      select.replaceChildren(new Option("all", ""), ...values.map((value) => new Option(value, value)));
      select.disabled = values.length === 0;
    }
  }

  #makeHead() {
    const row = document.createElement("tr");
    for (const column of this.columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = column.numeric ? "number" : "";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.name;
      button.addEventListener("click", () => this.#sortBy(column));
      cell.append(button);
      row.append(cell);
    }
    byId("runs").tHead.replaceChildren(row);
    this.#markSorted();
  }

  #markSorted() {
    this.columns.forEach((column, i) => {
      const cell = byId("runs").tHead.rows[0].cells[i];
      if (column === this.sorted.column) {
        cell.setAttribute("aria-sort", this.sorted.down ? "descending" : "ascending");
      } else {
        cell.removeAttribute("aria-sort");
      }
    });
  }

  #sortBy(column) {
    this.sorted = { column, down: this.sorted.column === column && !this.sorted.down };
    this.page = 0;
    this.#markSorted();
    this.#sort();
    this.#fill();
  }

  // Rows whose kind passes, and whose addresses or words have what was typed.
  #refilter() {
    const { space } = this;
    const passes = space.kinds.map((kind) =>
      filters.every(({ id, of }) => byId(id).value === "" || byId(id).value === of(kind)),
    );
    const text = byId("filter-text").value.trim().toLowerCase();
    const words = space.kinds.map((kind) =>
      [kindWords(kind), kind.leaf ? sizeLabel(kind) : "", kind.permissions, kind.type, kind.shareability, ageWords(kind), kind.reason, kind.words]
        .join(" ")
        .toLowerCase()
        .includes(text),
    );
    const digits = /^(0x)?[0-9a-f]+$/.test(text) ? text : "";
    const address = parseAddress(text);
    const found = [];
    for (let run = 0; run < space.count; ++run) {
      if (
        passes[space.kind[run]] &&
        (text === "" || words[space.kind[run]] || (address >= space.start[run] && address < space.end[run]) || (digits && this.#hasDigits(run, digits)))
      ) {
        found.push(run);
      }
    }
    this.order = found;
    this.page = 0;
    this.#sort();
    this.select(this.selected);
  }

  #hasDigits(run, digits) {
    const { space } = this;
    return hex(space.start[run]).includes(digits) || hex(space.end[run]).includes(digits) || (space.pa[run] >= 0 && hex(space.pa[run]).includes(digits));
  }

  #sort() {
    const { space } = this;
    const { column, down } = this.sorted;
    const keys = new Map(this.order.map((run) => [run, column.key(space, run)]));
    const sign = down ? -1 : 1;
    this.order.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      return x < y ? -sign : x > y ? sign : a - b;
    });
  }

  #turn(page) {
    this.page = Math.min(Math.max(page, 0), this.#lastPage());
    this.#fill();
  }

  #lastPage() {
    return Math.max(0, Math.ceil(this.order.length / rowsOfPage) - 1);
  }

  #fill() {
    const first = this.page * rowsOfPage;
    const rows = this.order.slice(first, first + rowsOfPage).map((run) => this.#makeRow(run));
    byId("runs").tBodies[0].replaceChildren(...rows);
    const { length } = this.order;
    const runs = length === 1 ? "run" : "runs";
    const range = length > rowsOfPage ? `, rows ${countWords(first + 1)} to ${countWords(Math.min(first + rowsOfPage, length))}` : "";
    byId("row-count").textContent =
      length === 0 ? `no run of ${countWords(this.space.count)} is of this kind` : `${countWords(length)} ${runs} of ${countWords(this.space.count)}${range}`;
    byId("page-first").disabled = byId("page-previous").disabled = this.page === 0;
    byId("page-next").disabled = byId("page-last").disabled = this.page === this.#lastPage();
    byId("pages").hidden = length <= rowsOfPage;
  }

  #makeRow(run) {
    const row = document.createElement("tr");
    this.columns.forEach((column, i) => {
      const text = column.text(this.space, run);
      const cell = document.createElement(i === 0 ? "th" : "td");
      cell.className = column.numeric ? "number" : "";
      if (i === 0) {
        cell.scope = "row";
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = text;
        button.title = "show it in the map";
        button.addEventListener("click", () => this.#choose(run));
        cell.append(button);
      } else {
        cell.textContent = text;
      }
      row.append(cell);
    });
    if (run === this.selected) {
      row.setAttribute("aria-current", "true");
    }
    return row;
  }

  #choose(run) {
    this.selected = run;
    // The button that was used keeps the focus.
    for (const row of byId("runs").tBodies[0].rows) {
      row.removeAttribute("aria-current");
    }
    const first = this.page * rowsOfPage;
    byId("runs").tBodies[0].rows[this.order.indexOf(run) - first]?.setAttribute("aria-current", "true");
    this.onChoose(run);
  }
}
