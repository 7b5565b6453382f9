// SPDX-License-Identifier: MIT
// Names and words in the input that would be markup or script: they are text.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { data, inputFile, makePage, settled, test, withPage } from "./harness.mjs";

const markup = `</script><script>window.hit = 1</script><img src=x onerror="window.hit = 2"><!--'"&amp;\u2028\u2029`;

const hostileMap = JSON.stringify({
  vtcr: "0x0", vttbr: "0x0", granule: 4096, ipa_bits: 32, pa_bits: 40, lpa2: false, initial_level: 1,
  notes: [markup],
  runs: [
    { ipa: "0x0", size: 4096, level: 3, entries: 1, kind: "leaf", pa: "0x1000", attributes: { read: true, type: markup, shareability: markup, access_flag: true } },
    { ipa: "0x1000", size: 4096, level: 3, entries: 1, kind: markup, descriptor: markup },
  ],
});

const hostileRun = JSON.stringify({
  version: 1,
  guest: { name: markup, state: markup, reason: markup },
  geometry: { granule_bytes: 4096, ipa_bits: 40, initial_level: 1, vtcr: markup },
  features: [markup],
  faults: [{ kind: markup, count: 3 }],
  chosen: [{ level: 2, limited_by: markup, count: 1 }],
  run: { cpu: markup, append: markup },
});

test("hostile strings are text wherever they come", async () => {
  const dump = inputFile(`<img src=x onerror='window.hit=3'>.txt`, readFileSync(join(data, "kvm/2m__01_S2-2m.txt")));
  const inputs = [inputFile("hostile map.json", hostileMap), inputFile("hostile run.json", hostileRun), dump];
  const file = makePage("hostile", inputs);
  // In the file, the data has nothing that could end its element.
  const text = readFileSync(file, "utf8");
  const json = text.slice(text.indexOf('id="data">'), text.lastIndexOf("<script>"));
  assert.equal(json.split("<").length, 2);
  assert.ok(!/[^\x20-\x7e\n]/.test(json.replace("</script>", "")));
  await withPage(file, async (page) => {
    for (const space of ["0", "1"]) {
      await page.selectOption("#space", space);
      await page.selectOption("#filter-show", "");
      await page.focus("#map");
      await page.keyboard.press("Home");
      await page.keyboard.press("Enter");
      await settled(page);
    }
    assert.equal(await page.evaluate(() => window.hit), undefined);
    assert.equal(await page.locator("img").count(), 0);
    assert.equal(await page.locator("body script").count(), 2);
    await page.selectOption("#space", "0");
    const shown = `</script><script>window.hit = 1</script><img src=x onerror="window.hit = 2"><!--'"&amp;`;
    for (const part of ["#sources", "#runs", "#filter-size", "#space"]) {
      assert.ok((await page.textContent(part)).length > 0, part);
    }
    assert.ok((await page.textContent("#runs")).includes(shown));
    assert.ok((await page.textContent("#sources")).includes(shown));
    assert.ok((await page.getAttribute("#faults svg:last-of-type", "aria-label")).length > 0);
    assert.ok((await page.textContent("h1")).includes("window.hit=3"));
  });
});

test("what makes no sense is left out, and that is said", async () => {
  const run = (ipa, more) => ({ ipa, size: 4096, level: 3, entries: 1, kind: "leaf", pa: "0x1000", ...more });
  const map = inputFile("wrong.json", JSON.stringify({
    vtcr: "0x0", vttbr: "0x0", granule: 4096, ipa_bits: 32, initial_level: 1,
    runs: [run("0x3000"), run("0x1000"), run("0x1000"), run("0x2001"), run("0x100000000"), run("0xfffffffffffff000"), run("0x4000", { size: 0 })],
  }));
  const said = ["1 run is left out: what is before them covers the same addresses", "1 run is left out: beyond the 32-bit IPA space", "3 runs are left out: their size or address is none that such an entry can have"];
  await withPage(makePage("wrong", [map], said.map((line) => `twofold: ${map}: ${line}\n`).join("")), async (page) => {
    assert.equal(await page.textContent("#row-count"), "2 runs of 2");
    for (const line of said) {
      assert.ok((await page.textContent("#sources")).includes(line), line);
    }
  });
});
