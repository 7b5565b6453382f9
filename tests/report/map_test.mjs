// SPDX-License-Identifier: MIT
// The map, by pointer: hover, wheel, drag, layouts, colours. What is expected is read off
// tests/data/images/max__h1g_2_0_40_1_1.raw.txt (blocks of 1 GiB at 4 and 5 GiB, pages at 1 GiB and 1 MiB
// behind it) and tests/data/kvm/2m__01_S2-2m.txt.
import assert from "node:assert/strict";
import { join } from "node:path";

import { column, data, hoverPart, makePage, mapOfSample, pixel, settled, test, tooltip, withPage } from "./harness.mjs";

// Where the n-th GiB of 1024 is on the whole curve: 32 by 32, of which these are in the first row.
async function hilbertPlace(page, cell) {
  const box = await page.locator("#map").boundingBox();
  const side = 0.96 * Math.min(box.width, box.height);
  return [(box.width / 2 - side / 2 + ((cell[0] + 0.5) * side) / 32) / box.width, (box.height / 2 - side / 2 + ((cell[1] + 0.5) * side) / 32) / box.height];
}

test("hover: a block of the sample, in both layouts", async () => {
  const block = {
    title: "1 GiB block",
    IPA: "0x140000000-0x180000000",
    PA: "0x140000000-0x180000000",
    level: "1",
    permissions: "rw-",
    type: "Normal-WB inner-shareable",
    age: "young (access flag set)",
    "in a run": "0x100000000-0x180000000, 2 blocks",
  };
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    await page.click("#fit-all");
    // The digits of 5 to the base of 4 are 0 0 0 1 1: twice to the right, where the axes are swapped.
    await hoverPart(page, ...(await hilbertPlace(page, [3, 0])));
    assert.deepEqual(await tooltip(page), block);
    await page.check("#layout-rows", { force: true });
    // A row is 32 GiB; the gutter is 120 pixels.
    const { width } = await page.locator("#map").boundingBox();
    await hoverPart(page, (120 + ((width - 120) * 5.5) / 32) / width, 0.5 / 32);
    assert.deepEqual(await tooltip(page), block);
    await hoverPart(page, (120 + ((width - 120) * 7.5) / 32) / width, 0.5 / 32);
    assert.deepEqual(await tooltip(page), { title: "not mapped", IPA: "0x180000000-0x10000000000", level: "1", size: "1018 GiB" });
    await page.mouse.move(2, 2);
    await settled(page);
    assert.equal(await page.isVisible("#tooltip"), false);
  });
});

test("wheel: from the whole space down to one table, and to its pages", async () => {
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    await page.click("#fit-all");
    assert.match(await page.textContent("#scale"), /the view 1 TiB · an entry of level 1, a table of level 2, covers 1 GiB/);
    await page.fill("#go-to-address", "0x40000000");
    await page.click("#go-to button");
    await page.click("#fit-all");
    const box = await page.locator("#map").boundingBox();
    // The first entry of the table: at 1 GiB, which is below the first one on the curve.
    const [x, y] = await hilbertPlace(page, [0, 1]);
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
    const views = [];
    for (let turn = 0; turn < 60; ++turn) {
      await page.mouse.wheel(0, -240);
      views.push(await page.textContent("#scale"));
    }
    assert.match(views.at(-1), /an entry of level 3 covers 4 KiB: 96 px wide/);
    assert.ok(views.some((view) => view.includes("level 2, a table of level 3, covers 2 MiB")), "one table was in view");
    assert.ok((await tooltip(page)).IPA.startsWith("0x4"));
    for (let turn = 0; turn < 60; ++turn) {
      await page.mouse.wheel(0, 240);
    }
    assert.match(await page.textContent("#scale"), /the view 1 TiB/);
  });
});

test("hover: the first page of the guest, after going there", async () => {
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    await page.fill("#go-to-address", "0x40000000");
    await page.click("#go-to button");
    await settled(page);
    assert.match(await page.textContent("#path"), /whole space · 1 TiB.*level 1, entry 1 · 1 GiB.*level 2, entry 0 · 2 MiB.*level 3, entry 0 · 4 KiB/);
    await hoverPart(page, 0.5, 0.5);
    assert.deepEqual(await tooltip(page), {
      title: "4 KiB page",
      IPA: "0x40000000-0x40001000",
      PA: "0x4072b000-0x4072c000",
      level: "3",
      permissions: "rwx",
      type: "Normal-WB inner-shareable",
      age: "young (access flag set)",
    });
    await page.fill("#go-to-address", "0x10000000000");
    await page.click("#go-to button");
    assert.equal(await page.textContent("#go-to-error"), "expected an address below 1 TiB, as 0x40000000 or 1G");
  });
});

test("drag moves the map, and a click selects", async () => {
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    await page.fill("#go-to-address", "0x40000000");
    await page.click("#go-to button");
    const box = await page.locator("#map").boundingBox();
    const centre = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(...centre);
    await page.mouse.down();
    await page.mouse.move(centre[0] - 60, centre[1] - 40, { steps: 5 });
    await page.mouse.up();
    assert.equal((await tooltip(page)).IPA, "0x40000000-0x40001000");
    await page.mouse.move(...centre);
    assert.notEqual((await tooltip(page)).IPA, "0x40000000-0x40001000");
    await page.mouse.click(centre[0] - 60, centre[1] - 40);
    assert.match(await page.textContent("#selection"), /^4 KiB pageIPA0x40000000-0x40001000PA0x4072b000-0x4072c000/);
    assert.equal(await page.textContent("#runs tr[aria-current=true] th"), "0x40000000");
  });
});

test("colours: by size, permission and age", async () => {
  await withPage(makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]), async (page) => {
    const legend = () => page.evaluate(() => [...document.querySelectorAll("#legend li")].map((item) => item.textContent));
    assert.deepEqual(await legend(), ["2 MiB blocks86 MiB · 100 %", "4 KiB pages4 KiB · <0.1 %", "not known1021 GiB"]);
    await page.fill("#go-to-address", "0x80800000"); // rw-, a block of 2 MiB
    await page.click("#go-to button");
    await page.click("#zoom-in");
    await settled(page);
    const bySize = await pixel(page, 0.5, 0.5);
    await page.check("#colour-permission", { force: true });
    await settled(page);
    // "X" is where execution is denied: 16, 2 and 4 MiB are without it.
    assert.deepEqual(await legend(), ["rw-64.0 MiB · 74.4 %", "rwx22 MiB · 25.6 %", "not known1021 GiB"]);
    const byPermission = await pixel(page, 0.5, 0.5);
    assert.notDeepEqual(byPermission, bySize);
    await page.check("#colour-age", { force: true });
    assert.deepEqual(await legend(), ["young (AF set)86.0 MiB · 100 %", "not known1021 GiB"]);
    assert.equal(await page.isDisabled("#colour-reason"), true);
    assert.equal(await page.textContent("#modes-missing"), "Reason is off: only the JSON of twofold explain has reasons by address.");
  });
});

test("the layouts show the same place, and fit what they are asked to", async () => {
  await withPage(makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]), async (page) => {
    await page.check("#layout-rows", { force: true });
    await page.click("#fit-mapped");
    await settled(page);
    // From 0x1020000 to 0xc0000000: 24 rows of 128 MiB, and 32 are drawn.
    assert.match(await page.textContent("#scale"), /the view 4 GiB/);
    await page.click("#fit-all");
    await settled(page);
    assert.match(await page.textContent("#scale"), /the view 1 TiB/);
    await page.fill("#go-to-address", "0x8fa00000");
    await page.click("#go-to button");
    await settled(page);
    const path = await page.textContent("#path");
    assert.match(path, /level 1, entry 2 · 1 GiB.*level 2, entry 125 · 2 MiB/);
    await page.check("#layout-hilbert", { force: true });
    await settled(page);
    assert.equal(await page.textContent("#path"), path);
  });
});

test("a step of the path shows what it covers", async () => {
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    await page.fill("#go-to-address", "0x40100000");
    await page.click("#go-to button");
    await page.click("#path li:nth-child(3) button");
    await settled(page);
    assert.match(await page.textContent("#scale"), /an entry of level 3 covers 4 KiB|a table of level 3, covers 2 MiB/);
    await page.click("#path li:nth-child(1) button");
    await settled(page);
    assert.match(await page.textContent("#scale"), /the view 1 TiB/);
  });
});

test("several spaces in one page, one at a time", async () => {
  const dumps = ["kvm/2m__01_S2-2m.txt", "kvm/h2m_4_1_34__02_after-cold-touch.txt"].map((name) => join(data, name));
  await withPage(makePage("two", dumps), async (page) => {
    assert.deepEqual((await column(page, "IPA")).length, 12);
    await page.selectOption("#space", "1");
    await settled(page);
    assert.match(await page.textContent("#tiles"), /34 bits16 GiB/);
    assert.match(await page.textContent("#tiles"), /levels 2 to 3/);
    assert.equal(await page.locator("#bytes figure").count(), 2);
  });
});
