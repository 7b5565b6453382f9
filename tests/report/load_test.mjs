// SPDX-License-Identifier: MIT
// A page opens as a file, alone, in light and dark, wide and narrow.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { commandOutput, data, inputFile, makePage, mapOfSample, test, withPage } from "./harness.mjs";

// In the form of tools/run/report.hpp; the figures are made up.
export const runReport = JSON.stringify({
  version: 1,
  guest: { name: "linux", state: "powered off", reason: "", cpus: 2, memory_bytes: 1073741824, extent_bytes: 1073741824, extents: 1, resets: 0 },
  geometry: { granule_bytes: 4096, ipa_bits: 40, pa_bits: 48, lpa2: false, initial_level: 1, root_tables: 2, root_bytes: 8192, vtcr: "0x806d3558" },
  features: ["FWB", "XNX"],
  mappings: [{ level: 2, size: 2097152, count: 500, contiguous: 0 }, { level: 3, size: 4096, count: 12, contiguous: 0 }],
  faults: [{ kind: "translation", count: 512 }, { kind: "permission", count: 31 }],
  chosen: [{ level: 2, limited_by: "extent end", count: 500 }, { level: 3, limited_by: "cap", count: 12 }],
  time: { ticks: 156250000, frequency: 62500000 },
});

// Contrast as the Web Content Accessibility Guidelines compute it.
function contrast(a, b) {
  const luminance = (text) => {
    const [red, green, blue] = text.match(/[\d.]+/g).slice(0, 3).map((part) => {
      const value = Number(part) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function coloursOf(page) {
  return page.evaluate(() => {
    const probe = document.createElement("span");
    document.body.append(probe);
    const colours = {};
    for (const name of ["surface", "page", "ground", "text", "muted", "link", "error", "border", "focus", "vermilion", "orange", "sky", "green", "blue", "teal", "purple", "grey", "odd"]) {
      probe.style.color = `var(--${name})`;
      colours[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    return colours;
  });
}

function checkContrast(colours) {
  for (const text of ["text", "muted", "link", "error"]) {
    for (const ground of ["surface", "page", "ground"]) {
      assert.ok(contrast(colours[text], colours[ground]) >= 4.5, `${text} on ${ground}`);
    }
  }
  for (const shape of ["border", "focus"]) {
    assert.ok(contrast(colours[shape], colours.surface) >= 3, `${shape} on surface`);
  }
  for (const shape of ["vermilion", "orange", "sky", "green", "blue", "teal", "purple", "grey", "odd"]) {
    assert.ok(contrast(colours[shape], colours.ground) >= 3, `${shape} on ground`);
    assert.ok(contrast(colours[shape], colours.surface) >= 3, `${shape} on surface`);
  }
}

test("a dump of KVM: what it has is shown, and what it has not is said", async () => {
  const file = makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]);
  await withPage(file, async (page) => {
    assert.equal(await page.textContent("h1"), "2m__01_S2-2m.txt");
    assert.equal(await page.title(), "2m__01_S2-2m.txt - twofold report");
    const tiles = await page.textContent("#tiles");
    // 12 runs: a page, and 86 MiB in 43 blocks.
    for (const part of ["40 bits", "1 TiB", "levels 1 to 3", "86.0 MiB", "44", "in 12 runs"]) {
      assert.ok(tiles.includes(part), `${part} in ${tiles}`);
    }
    const label = await page.getAttribute("#bytes svg", "aria-label");
    assert.ok(label.endsWith("2 MiB blocks, 86 MiB; 4 KiB pages, 4 KiB"), label);
    assert.match(await page.textContent("#faults .missing"), /^Nothing that was given has faults: add /);
    assert.match(await page.textContent("#reasons .missing"), /^Nothing that was given has reasons: add /);
    assert.equal(await page.locator("#faults svg, #reasons svg").count(), 0);
    assert.match(await page.textContent("#sources"), /KVM never prints the last run: 0xc0000000 to 0x10000000000 is not in the dump/);
  });
});

test("a run and a map become one page", async () => {
  const file = makePage("joined", [inputFile("run.json", runReport), mapOfSample()]);
  await withPage(file, async (page) => {
    assert.equal(await page.textContent("h1"), "run.json, map.json");
    assert.equal(await page.isVisible("#map"), true);
    assert.equal(await page.isVisible("#space-choice"), false);
    const labels = await page.evaluate(() => [...document.querySelectorAll("#figures svg")].map((svg) => svg.getAttribute("aria-label").replace(/.*\//, "")));
    assert.deepEqual(labels, [
      "run.json, at the end: 2 MiB blocks, 1000 MiB; 4 KiB pages, 48 KiB",
      "map.json: 1 GiB blocks, 2 GiB; 4 KiB pages, 8 KiB",
      "run.json: faults that mapped something, by its size: 2 MiB, 500; 4 KiB, 12",
      "run.json: faults by kind: translation, 512; permission, 31",
      "run.json: mappings made, by size and by what stopped the next larger one: 2 MiB: extent end, 500; 4 KiB: cap, 12",
    ]);
    assert.equal(await page.locator(".missing:visible").count(), 0);
    assert.match(await page.textContent("#sources"), /the guest ran2\.5 s/);
  });
});

test("a run alone has no map, and says what would give one", async () => {
  const file = makePage("run", [inputFile("run.json", runReport)]);
  await withPage(file, async (page) => {
    assert.equal(await page.isVisible("#map"), false);
    assert.equal(await page.isVisible("#runs"), false);
    assert.match(await page.textContent("#map-missing"), /^Nothing that was given has addresses: add the JSON of twofold map/);
    assert.equal(await page.isVisible("#map-missing"), true);
  });
});

test("a table that maps nothing has a map of nothing", async () => {
  const empty = inputFile("empty.json", JSON.stringify({ vtcr: "0x0", vttbr: "0x0", granule: 16384, ipa_bits: 36, pa_bits: 48, lpa2: false, initial_level: 2, runs: [] }));
  await withPage(makePage("empty", [empty]), async (page) => {
    assert.equal(await page.textContent("#bytes .missing"), "Nothing is mapped.");
    assert.equal(await page.textContent("#legend"), "nothing is mapped");
    assert.equal(await page.textContent("#row-count"), "no run of 0 is of this kind");
    await page.focus("#map");
    for (const key of ["Home", "n", "p", "+", "m", "0", "Enter"]) {
      await page.keyboard.press(key);
    }
  });
});

for (const colorScheme of ["light", "dark"]) {
  test(`${colorScheme}: as the system has it, with enough contrast`, async () => {
    const file = makePage("joined", [inputFile("run.json", runReport), mapOfSample()]);
    await withPage(
      file,
      async (page) => {
        const colours = await coloursOf(page);
        const surface = Number(colours.surface.match(/\d+/)[0]);
        assert.equal(surface > 128, colorScheme === "light");
        checkContrast(colours);
        // The other one, by choice.
        await page.check(`#theme input[value=${colorScheme === "light" ? "dark" : "light"}]`, { force: true });
        const other = await coloursOf(page);
        assert.notEqual(other.surface, colours.surface);
        checkContrast(other);
      },
      { colorScheme },
    );
  });
}

test("a narrow window has everything, and is not wider than it is", async () => {
  const file = makePage("joined", [inputFile("run.json", runReport), mapOfSample()]);
  for (const width of [600, 360]) {
    await withPage(
      file,
      async (page) => {
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
        for (const id of ["map", "legend", "runs", "fit-all", "filter-text"]) {
          assert.equal(await page.isVisible(`#${id}`), true, id);
        }
      },
      { width },
    );
  }
});

test("the page allows itself nothing from outside, and has the licences of what is in it", () => {
  const text = readFileSync(makePage("dump", [join(data, "kvm/2m__01_S2-2m.txt")]), "utf8");
  const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(text);
  assert.match(policy, /^default-src 'none'; script-src 'sha256-[A-Za-z0-9+/=]{44}'; style-src 'unsafe-inline'; img-src data:; /);
  assert.doesNotMatch(text, /<(?:script|link|img|iframe)[^>]*\s(?:src|href)="(?!data:)/);
  for (const name of ["@observablehq/plot", "d3-zoom", "d3-selection", "d3-array", "Mike Bostock"]) {
    assert.ok(text.slice(text.indexOf("Licences of what is in this page")).includes(name), name);
  }
});

test("an explanation has its reasons, also as colours", async () => {
  const json = commandOutput("explain.json", ["explain", "--slot", "ipa=0x80001000,size=4G,pa=0x100000000", "--json"]);
  await withPage(makePage("explain", [json]), async (page) => {
    await page.check("#colour-reason", { force: true });
    assert.equal(await page.isDisabled("#colour-permission"), true);
    assert.match(await page.textContent("#modes-missing"), /Age is off: the input has no access flags/);
    // As docs/tool.md has them: 2044 KiB, 4094 MiB, 4 KiB.
    const legend = await page.evaluate(() => [...document.querySelectorAll("#legend li")].map((item) => item.textContent));
    assert.deepEqual(legend, ["misalignment4094 MiB · 100 %", "slot end4 KiB · <0.1 %", "slot start2044 KiB · <0.1 %"]);
    assert.match(await page.textContent("#sources"), /move the slot down by 4 KiB, to 0x80000000/);
  });
});
