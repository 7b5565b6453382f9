// SPDX-License-Identifier: MIT
// Bars of bytes, faults and reasons, by Observable Plot. Each is a figure with its name, and its
// numbers stand beside its bars; a part without data is one line that says what to give.
import * as Plot from "@observablehq/plot";

import { sizeLabel } from "./colouring.js";
import { countWords, sizeWords } from "./words.js";

const levelColours = { 3: "vermilion", 2: "sky", 1: "blue", 0: "purple" };

// By a size alone: pages are the smallest.
function colourOfSize(bytes) {
  return bytes === 0 ? "grey" : bytes <= 65536 ? "vermilion" : bytes < 2 ** 30 ? "sky" : bytes < 2 ** 39 ? "blue" : "purple";
}

function bars(rows, words, width, label) {
  const longest = Math.max(...rows.map((row) => row.label.length));
  const marginLeft = Math.min(Math.max(60, 14 + longest * 7), width / 2);
  const marginRight = 16 + 7 * Math.max(...rows.map((row) => words(row.amount).length));
  const short = (text) => (text.length * 7 > marginLeft ? `${text.slice(0, Math.floor(marginLeft / 7) - 2)}…` : text);
  return Plot.plot({
    width,
    height: 26 * rows.length + 8,
    marginLeft,
    marginRight,
    marginTop: 2,
    marginBottom: 6,
    style: { fontSize: "13px", background: "transparent", overflow: "visible" },
    ariaLabel: `${label}: ${rows.map((row) => `${row.label}, ${words(row.amount)}`).join("; ")}`,
    x: { axis: null },
    y: { domain: rows.map((row) => row.label), label: null, tickSize: 0, tickFormat: short, padding: 0.28 },
    marks: [
      Plot.barX(rows, {
        x: "amount",
        y: "label",
        fill: (row) => `var(--${row.colour})`,
        insetRight: 0,
        rx: 2,
        title: (row) => `${row.label}: ${words(row.amount)}`,
      }),
      Plot.ruleX([0], { stroke: "var(--grid)" }),
      Plot.text(rows, { x: "amount", y: "label", text: (row) => words(row.amount), textAnchor: "start", dx: 6, fill: "var(--text)" }),
    ],
  });
}

class Figures {
  constructor() {
    this.all = [];
    new ResizeObserver(() => this.draw()).observe(document.getElementById("figures"));
  }

  add(parent, name, rows, words) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = name;
    figure.append(caption);
    parent.append(figure);
    this.all.push({ figure, name, rows: unique(rows), words, width: 0 });
  }

  draw() {
    for (const chart of this.all) {
      const width = Math.max(Math.floor(chart.figure.clientWidth), 240);
      if (chart.width !== width) {
        chart.width = width;
        chart.figure.querySelector("svg")?.remove();
        const svg = bars(chart.rows, chart.words, width, chart.name);
        svg.setAttribute("role", "img");
        chart.figure.append(svg);
      }
    }
  }
}

// Bars are told apart by their labels.
function unique(rows) {
  const sums = new Map();
  for (const row of rows) {
    const sum = sums.get(row.label);
    if (sum) {
      sum.amount += row.amount;
    } else {
      sums.set(row.label, { ...row });
    }
  }
  return [...sums.values()].slice(0, 40);
}

function missing(parent, text) {
  const line = document.createElement("p");
  line.className = "missing";
  line.textContent = text;
  parent.append(line);
}

export function showCharts(data) {
  const figures = new Figures();
  const part = (id) => document.getElementById(id);

  for (const { name, sizes } of data.mapped) {
    if (sizes.length > 0) {
      figures.add(
        part("bytes"),
        name,
        sizes.map((size) => ({
          label: sizeLabel({ level: size.level, entryBytes: size.bytes, contiguous: false }),
          amount: size.mapped_bytes,
          colour: levelColours[size.level] ?? colourOfSize(size.bytes),
        })),
        sizeWords,
      );
    }
  }
  if (!data.mapped.some(({ sizes }) => sizes.length > 0)) {
    missing(part("bytes"), data.mapped.length > 0 ? "Nothing is mapped." : "Nothing that was given says what is mapped: add the JSON of twofold map, attach map, kvm, explain or run, or a dump of KVM.");
  }

  for (const faults of data.faults) {
    if (faults.sizes.length > 0) {
      const what = faults.sizes_of === "region" ? "by what the missing entry covers" : "that mapped something, by its size";
      figures.add(
        part("faults"),
        `${faults.name}: faults ${what}`,
        faults.sizes.map((size) => ({ label: sizeWords(size.bytes), amount: size.faults, colour: colourOfSize(size.bytes) })),
        countWords,
      );
    }
    if (faults.kinds.length > 0) {
      figures.add(
        part("faults"),
        `${faults.name}: faults by kind`,
        faults.kinds.map((kind) => ({ label: kind.kind, amount: kind.faults, colour: "teal" })),
        countWords,
      );
    }
  }
  if (data.faults.length === 0) {
    missing(part("faults"), "Nothing that was given has faults: add the JSON of twofold run, or a trace with kvm_guest_fault.");
  }

  for (const reasons of data.reasons) {
    const inBytes = reasons.unit === "bytes";
    figures.add(
      part("reasons"),
      `${reasons.name}: ${inBytes ? "bytes" : "mappings made"}, by size and by what stopped the next larger one`,
      reasons.rows.map((row) => ({
        label: `${row.bytes === 0 ? "not mapped" : sizeWords(row.bytes)}: ${row.reason}`,
        amount: row.amount,
        colour: colourOfSize(row.bytes),
      })),
      inBytes ? sizeWords : countWords,
    );
  }
  if (data.reasons.length === 0) {
    missing(part("reasons"), "Nothing that was given has reasons: add the JSON of twofold run or explain.");
  }
  figures.draw();
}
