// SPDX-License-Identifier: MIT
// The table: columns, order, filters, pages, and what it has to do with the map. The counts are those of
// lines in tests/data/kvm/2m__01_S2-2m.txt and 4k__01_S2-4k.txt.gz.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { column, data, inputFile, makePage, mapOfSample, settled, test, withPage } from "./harness.mjs";

const dump = join(data, "kvm/2m__01_S2-2m.txt");
const count = (page) => page.textContent("#row-count");
const heads = (page) => page.evaluate(() => [...document.querySelectorAll("#runs thead th")].map((cell) => cell.textContent));

async function type(page, text) {
  await page.fill("#filter-text", text);
  await page.waitForTimeout(300); // it waits for more letters, too
  await settled(page);
}

test("columns: those that the input has something for", async () => {
  await withPage(makePage("dump", [dump]), async (page) => {
    assert.deepEqual(await heads(page), ["IPA", "to", "size", "mappings", "of", "level", "permissions", "age"]);
  });
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    assert.deepEqual(await heads(page), ["IPA", "to", "size", "mappings", "of", "level", "PA", "permissions", "type", "age"]);
    assert.deepEqual(await column(page, "IPA"), ["0x40000000", "0x40100000", "0x100000000"]);
    assert.deepEqual(await column(page, "PA"), ["0x4072b000", "0x482bd000", "0x100000000"]);
    assert.deepEqual(await column(page, "mappings"), ["1", "1", "2"]);
  });
});

test("sort: by each column, up and down", async () => {
  await withPage(makePage("dump", [dump]), async (page) => {
    const sorted = () => page.evaluate(() => [...document.querySelectorAll("th[aria-sort]")].map((cell) => [cell.textContent, cell.getAttribute("aria-sort")]));
    assert.deepEqual(await sorted(), [["IPA", "ascending"]]);
    await page.click("#runs th:nth-child(3) button");
    assert.deepEqual(await sorted(), [["size", "ascending"]]);
    assert.deepEqual(await column(page, "size"), ["4 KiB", "2 MiB", "2 MiB", "4 MiB", "4 MiB", "6 MiB", "6 MiB", "6 MiB", "8 MiB", "12 MiB", "16 MiB", "20 MiB"]);
    await page.click("#runs th:nth-child(3) button");
    assert.deepEqual(await sorted(), [["size", "descending"]]);
    assert.equal((await column(page, "IPA"))[0], "0xbec00000");
    await page.click("#runs th:nth-child(7) button");
    assert.deepEqual((await column(page, "permissions")).slice(8), ["rw-", "rwx", "rwx", "rwx"]);
  });
});

test("filter: by kind, size, permissions and words", async () => {
  await withPage(makePage("dump", [dump]), async (page) => {
    assert.equal(await count(page), "12 runs of 25");
    await page.selectOption("#filter-show", "not mapped");
    assert.equal(await count(page), "12 runs of 25");
    await page.selectOption("#filter-show", "odd"); // the last run, which KVM never prints
    assert.equal(await count(page), "1 run of 25");
    await page.selectOption("#filter-show", "");
    assert.equal(await count(page), "25 runs of 25");
    await page.selectOption("#filter-size", "4 KiB pages");
    assert.equal(await count(page), "1 run of 25");
    await page.click("#filter-clear");
    await page.selectOption("#filter-permissions", "rwx");
    assert.deepEqual(await column(page, "IPA"), ["0x80000000", "0x81c00000", "0x83000000"]);
    await page.click("#filter-clear");
    await type(page, "0x81900000"); // within a run
    assert.deepEqual(await column(page, "IPA"), ["0x81000000"]);
    await type(page, "00c0"); // digits of no address
    assert.equal(await count(page), "no run of 25 is of this kind");
    await type(page, "bae0"); // of an end
    assert.deepEqual(await column(page, "to"), ["0xbae00000"]);
    await type(page, "PAGES");
    assert.deepEqual(await column(page, "IPA"), ["0x1020000"]);
    await type(page, "");
    assert.equal(await count(page), "12 runs of 25");
  });
});

test("pages: 50 rows each", async () => {
  const text = execFileSync("gzip", ["-dc", join(data, "kvm/4k__01_S2-4k.txt.gz")]);
  await withPage(makePage("4k", [inputFile("4k.txt", text)]), async (page) => {
    // 610 runs rw- and 475 rwx.
    assert.equal(await count(page), "1,085 runs of 1,267, rows 1 to 50");
    assert.equal(await page.locator("#runs tbody tr").count(), 50);
    assert.equal(await page.isDisabled("#page-previous"), true);
    await page.click("#page-last");
    assert.equal(await count(page), "1,085 runs of 1,267, rows 1,051 to 1,085");
    assert.equal(await page.isDisabled("#page-next"), true);
    await page.click("#page-previous");
    assert.match(await count(page), /rows 1,001 to 1,050$/);
    await page.selectOption("#filter-permissions", "rwx");
    assert.equal(await count(page), "475 runs of 1,267, rows 1 to 50");
  });
});

test("a row shows its run in the map, and the map its run in the table", async () => {
  await withPage(makePage("dump", [dump]), async (page) => {
    await page.click("#runs tbody tr:nth-child(12) button");
    await settled(page);
    assert.match(await page.textContent("#selection"), /^10 blocks of 2 MiBIPA0xbec00000-0xc0000000/);
    assert.equal(await page.textContent("tr[aria-current=true] th"), "0xbec00000");
    // 0xbec00000 and half of 20 MiB.
    assert.match(await page.textContent("#path"), /level 1, entry 2 .*level 2, entry 507/);
    await page.selectOption("#filter-permissions", "rwx");
    assert.match(await page.textContent("#table-hidden"), /^The run that is selected is not among these rows/);
    await page.click("#filter-clear");
    assert.equal(await page.textContent("#table-hidden"), "");
    await page.fill("#go-to-address", "0x82900000");
    await page.click("#go-to button");
    assert.equal(await page.textContent("tr[aria-current=true] th"), "0x82800000");
  });
});
