// SPDX-License-Identifier: MIT
// Two hundred thousand runs, all different from their neighbours, in a space of 52 bits. The bounds are
// several times what a slow machine needs.
import assert from "node:assert/strict";

import { hoverPart, inputFile, makePage, press, settled, test, tooltip, withPage } from "./harness.mjs";

const count = 200000;
const start = 2 ** 51;

function largeMap() {
  const runs = [];
  for (let i = 0; i < count; ++i) {
    // A page of every third: the leaves are far from each other in PA.
    runs.push(`{"ipa":"0x${(start + i * 3 * 4096).toString(16)}","size":${i % 2 === 0 ? 4096 : 8192},"level":3,"entries":${i % 2 === 0 ? 1 : 2},"kind":"leaf","pa":"0x${(i * 65536).toString(16)}","contiguous":false,"in_range":true,"attributes":{"read":true,"write":${i % 3 === 0},"execute_el1":false,"execute_el0":false,"type":"Normal-WB","shareability":"inner-shareable","access_flag":${i % 5 > 0},"dbm":false,"fnxs":false,"nt":false,"software":0}}`);
  }
  return `{"vtcr":"0x0","vttbr":"0x0","granule":4096,"ipa_bits":52,"pa_bits":52,"lpa2":true,"initial_level":0,"runs":[${runs.join(",\n")}]}`;
}

test("200,000 runs load, zoom, filter and sort in time", async () => {
  const made = Date.now();
  const file = makePage("large", [inputFile("large.json", largeMap())]);
  assert.ok(Date.now() - made < 20000, "the page is made");
  const opened = Date.now();
  await withPage(file, async (page) => {
    const loaded = Date.now() - opened;
    assert.ok(loaded < 15000, `loaded in ${loaded} ms`);
    assert.match(await page.textContent("#tiles"), /52 bits4 PiB/);
    for (const layout of ["hilbert", "rows"]) {
      await page.check(`#layout-${layout}`, { force: true });
      await page.click("#fit-mapped");
      await page.focus("#map");
      await press(page, "Home");
      const zooming = Date.now();
      for (let step = 0; step < 40; ++step) {
        await press(page, "+");
      }
      await press(page, "Home");
      assert.equal((await tooltip(page)).IPA, `0x${start.toString(16)}-0x${(start + 4096).toString(16)}`);
      for (let step = 0; step < 60; ++step) {
        await press(page, "-");
      }
      const each = (Date.now() - zooming) / 100;
      assert.ok(each < 400, `a step takes ${each} ms in ${layout}`);
      assert.match(await page.textContent("#scale"), /the view 4 PiB/);
    }
    await hoverPart(page, 0.5, 0.5);
    const filtering = Date.now();
    // The last one: 2^51 + 199999 * 3 * 4096.
    const last = start + 199999 * 3 * 4096;
    await page.fill("#filter-text", `0x${(last + 4096).toString(16)}`);
    await page.waitForFunction(() => document.getElementById("row-count").textContent === "1 run of 200,000");
    await page.click("#filter-clear");
    await page.click("#runs th:nth-child(3) button");
    await page.click("#runs th:nth-child(3) button");
    assert.equal(await page.textContent("#row-count"), "200,000 runs of 200,000, rows 1 to 50");
    assert.ok(Date.now() - filtering < 15000, "filtered and sorted");
    await page.click("#runs tbody tr:nth-child(1) button");
    await settled(page);
    assert.match(await page.textContent("#selection"), /^2 pages of 4 KiB/);
  });
});

test("more runs than a page has: the first ones, and how many are missing", async () => {
  const file = makePage("cut", ["--most-runs", "1000", inputFile("large.json", largeMap())], expectedNote());
  await withPage(file, async (page) => {
    assert.match(await page.textContent("#tiles"), /199,000 runs left out/);
    assert.equal(await page.textContent("#row-count"), "1,000 runs of 1,000, rows 1 to 50");
    // 100,000 of each kind: 300,000 pages, which are all in the sums.
    assert.match(await page.getAttribute("#bytes svg", "aria-label"), /4 KiB pages, 1\.1 GiB$/);
  });
});

function expectedNote() {
  return `twofold: ${inputFile("large.json", largeMap())}: 199000 runs are left out: a page has no more than 1000; sums have them all\n`;
}
