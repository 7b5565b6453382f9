// SPDX-License-Identifier: MIT
// The arithmetic of the page, without a browser: the curve, sizes in words, addresses.
import assert from "node:assert/strict";

import { Curve, alignedParts } from "../../tools/report/web/src/hilbert.js";
import { aboutWords, hex, parseAddress, sizeWords } from "../../tools/report/web/src/words.js";
import { test } from "./harness.mjs";

function cells(curve) {
  const cells = [];
  for (let first = 0; first < curve.cells; ++first) {
    cells.push(curve.rectOf(first, 0));
  }
  return cells;
}

test("each step of the curve is to a neighbour, and no cell comes twice", () => {
  for (const bits of [1, 2, 3, 4, 7, 8, 11]) {
    const curve = new Curve(bits);
    const seen = new Set();
    let before = null;
    for (const { x, y } of cells(curve)) {
      assert.ok(x >= 0 && y >= 0 && x < curve.width && y < curve.height);
      if (before) {
        assert.equal(Math.abs(x - before.x) + Math.abs(y - before.y), 1, `${bits} bits`);
      }
      seen.add(`${x},${y}`);
      before = { x, y };
    }
    assert.equal(seen.size, 2 ** bits);
    assert.equal(curve.width * curve.height, 2 ** bits);
  }
});

test("a point of the curve is found again", () => {
  const curve = new Curve(9);
  cells(curve).forEach(({ x, y }, first) => assert.equal(curve.cellAt(x + 0.5, y + 0.9), first));
  assert.equal(curve.cellAt(-0.1, 3), -1);
  assert.equal(curve.cellAt(3, curve.height), -1);
});

test("an aligned power of two is the rectangle of its cells", () => {
  const curve = new Curve(8);
  const all = cells(curve);
  for (const [first, log] of [[0, 8], [64, 6], [32, 5], [96, 5], [8, 3], [248, 3], [16, 4], [6, 1], [255, 0]]) {
    const part = all.slice(first, first + 2 ** log);
    const xs = part.map((cell) => cell.x);
    const ys = part.map((cell) => cell.y);
    const rect = {
      x: Math.min(...xs),
      y: Math.min(...ys),
      width: Math.max(...xs) - Math.min(...xs) + 1,
      height: Math.max(...ys) - Math.min(...ys) + 1,
    };
    assert.equal(rect.width * rect.height, 2 ** log);
    assert.deepEqual(curve.rectOf(first, log), rect);
  }
});

test("the largest space has single pages", () => {
  const curve = new Curve(52 - 12);
  const last = 2 ** 40 - 1;
  const { x, y } = curve.rectOf(last, 0);
  assert.deepEqual([x, y], [2 ** 20 - 1, 0]); // the curve ends where its first row does
  assert.equal(curve.cellAt(x, y), last);
});

test("a range is split at its alignment", () => {
  assert.deepEqual([...alignedParts(3, 13)], [[3, 0], [4, 2], [8, 2], [12, 0]]);
  assert.deepEqual([...alignedParts(0, 2 ** 40)], [[0, 40]]);
});

test("sizes are words as the command has them", () => {
  assert.deepEqual([0, 4096, 2 ** 21, 1022 * 2 ** 20, 4190208, 2 ** 52].map(sizeWords), ["0 B", "4 KiB", "2 MiB", "1022 MiB", "4092 KiB", "4 PiB"]);
  assert.equal(sizeWords(86 * 2 ** 20 + 4096), "86.0 MiB");
  assert.equal(sizeWords(2 ** 40 - 4096), "1.0 TiB");
  assert.deepEqual([65536, 1.5 * 2 ** 20, 0.25].map(aboutWords), ["64 KiB", "1.5 MiB", "1/4 B"]);
});

test("addresses are read as people write them", () => {
  assert.deepEqual(["0x40000000", "1G", "4096", "0x4000_0000", " 2m "].map(parseAddress), [2 ** 30, 2 ** 30, 4096, 2 ** 30, 2 ** 21]);
  assert.deepEqual(["", "0x", "rw-", "1X", "0x10000000000000000"].map(parseAddress), [NaN, NaN, NaN, NaN, NaN]);
  assert.equal(hex(2 ** 52 - 4096), "0xffffffffff000");
});
