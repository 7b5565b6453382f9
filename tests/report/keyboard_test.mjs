// SPDX-License-Identifier: MIT
// Everything by keys alone, and for those who listen.
import assert from "node:assert/strict";
import { join } from "node:path";

import { column, data, makePage, mapOfSample, press, settled, test, tooltip, withPage } from "./harness.mjs";

const focused = (page) =>
  page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.textContent);

test("keys: from the whole space down to one page, run by run", async () => {
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    await page.keyboard.press("Tab"); // "Skip to the map"
    assert.equal(await focused(page), "Skip to the map");
    await press(page, "Enter", "Home");
    assert.equal(await focused(page), "map");
    await press(page, "0");
    assert.match(await page.textContent("#scale"), /the view 1 TiB/);
    await press(page, "Home");
    for (let step = 0; step < 20; ++step) {
      await press(page, "+");
    }
    assert.match(await page.textContent("#scale"), /an entry of level 3 covers 4 KiB: 96 px wide/);
    assert.equal((await tooltip(page)).IPA, "0x40000000-0x40001000");
    await press(page, "n");
    assert.deepEqual(await tooltip(page), {
      title: "4 KiB page",
      IPA: "0x40100000-0x40101000",
      PA: "0x482bd000-0x482be000",
      level: "3",
      permissions: "rw-",
      type: "Normal-WB inner-shareable",
      age: "young (access flag set)",
    });
    // Heard once it stands still.
    await page.waitForFunction(() => document.getElementById("spoken").textContent.startsWith("4 KiB page; IPA 0x40100000-0x40101000; PA 0x482bd000"));
    await press(page, "n");
    assert.equal((await tooltip(page)).title, "1 GiB block");
    await press(page, "p", "p");
    assert.equal((await tooltip(page)).IPA, "0x40000000-0x40001000");
    await press(page, "Enter");
    assert.match(await page.textContent("#selection"), /^4 KiB pageIPA0x40000000-0x40001000/);
    assert.equal(await page.textContent("#runs tr[aria-current=true] th"), "0x40000000");
    await press(page, "Escape");
    assert.match(await page.textContent("#selection"), /^Click into the map/);
    await press(page, "ArrowRight", "ArrowRight", "ArrowRight");
    assert.notEqual((await tooltip(page)).IPA, "0x40000000-0x40001000");
    await press(page, "m");
    assert.match(await page.textContent("#scale"), /the view [\d.]+ GiB/);
    await page.keyboard.press("Tab");
    assert.notEqual(await focused(page), "map"); // it lets go
    await settled(page);
    assert.equal(await page.isVisible("#tooltip"), false);
  });
});

test("keys: rows, down to a table of 512 entries", async () => {
  await withPage(makePage("map", [mapOfSample()]), async (page) => {
    await page.focus("#layout-hilbert");
    await press(page, "ArrowRight");
    assert.equal(await page.isChecked("#layout-rows"), true);
    await page.focus("#map");
    await press(page, "0", "Home", ...Array(30).fill("+"));
    assert.match(await page.textContent("#scale"), /the view 2 MiB · an entry of level 2, a table of level 3, covers 2 MiB/);
    await press(page, "Home");
    assert.equal((await tooltip(page)).IPA, "0x40000000-0x40001000");
    await press(page, "ArrowDown", "ArrowUp", "PageDown", "PageUp", "-", "0");
    assert.match(await page.textContent("#scale"), /the view 1 TiB/);
  });
});

test("keys: every control is reached by Tab, with a focus that is seen", async () => {
  await withPage(makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]), async (page) => {
    const seen = [];
    for (let step = 0; step < 70; ++step) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const element = document.activeElement;
        if (element === document.body) {
          return null;
        }
        const shown = element.matches(".segments input") ? element.nextElementSibling : element;
        return [element.id || element.name || element.textContent, getComputedStyle(shown).outlineStyle];
      });
      if (!at) {
        break; // out of the page, into the browser's own
      }
      seen.push(at[0]);
      assert.notEqual(at[1], "none", `${at[0]} shows that it has the focus`);
    }
    for (const id of ["theme", "layout-hilbert", "colour-size", "zoom-in", "zoom-out", "fit-all", "fit-mapped", "go-to-address", "map", "filter-text", "filter-show", "filter-size", "filter-permissions", "filter-age", "filter-clear", "IPA", "size", "0x80000000"]) {
      assert.ok(seen.includes(id), `${id} in ${seen.join(" | ")}`);
    }
  });
});

test("keys: sort, filter and choose a row", async () => {
  await withPage(makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]), async (page) => {
    await page.focus("#runs thead th:nth-child(3) button");
    await press(page, "Enter", "Enter");
    assert.equal((await column(page, "size"))[0], "20 MiB");
    await page.focus("#filter-text");
    await page.keyboard.type("rwx");
    await page.waitForFunction(() => document.getElementById("row-count").textContent.startsWith("3 "));
    await page.focus("#runs tbody tr:nth-child(1) button");
    await press(page, "Enter");
    assert.equal(await focused(page), "0x80000000");
    assert.match(await page.textContent("#selection"), /^8 blocks of 2 MiBIPA0x80000000-0x81000000/);
  });
});

test("names and roles are there for those who listen", async () => {
  await withPage(makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]), async (page) => {
    const wrong = await page.evaluate(() => {
      const problems = [];
      const named = (element) =>
        element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.[0]?.textContent.trim();
      for (const element of document.querySelectorAll("button, input, select, canvas, [role=img]")) {
        if (!named(element)) {
          problems.push(`no name: ${element.outerHTML.slice(0, 80)}`);
        }
      }
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      problems.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `twice: ${id}`));
      for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
        const target = element.getAttribute("aria-labelledby") ?? element.getAttribute("aria-describedby");
        if (!document.getElementById(target)) {
          problems.push(`points nowhere: ${target}`);
        }
      }
      const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((heading) => Number(heading.tagName[1]));
      levels.reduce((before, level) => (level > before + 1 && problems.push(`h${level} after h${before}`), level), 0);
      if (document.querySelectorAll("h1").length !== 1 || document.querySelectorAll("main").length !== 1) {
        problems.push("one h1, one main");
      }
      return problems;
    });
    assert.deepEqual(wrong, []);
  });
});

test("nothing moves by itself", async () => {
  await withPage(
    makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]),
    async (page) => {
      await page.click("#zoom-in");
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
    },
    { reducedMotion: "reduce" },
  );
});
