// SPDX-License-Identifier: MIT
// Running of the page's tests: each has a page of its own in a Chromium with a fresh profile, opened as
// a file; anything on the browser's console, and any request for anything else, is a failure.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const { chromium } = createRequire(join(root, "build/web/node_modules/x.js"))("playwright-core");
const command = join(root, "build/release/bin/twofold");
export const results = join(root, "build/results/report");
export const data = join(root, "tests/data");

const browserOptions = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

// The page of these inputs; the command says nothing but what is expected.
export function makePage(name, inputs, expectedErrors = "") {
  mkdirSync(results, { recursive: true });
  const page = join(results, `${name}.html`);
  const errors = join(results, `${name}.errors`);
  execFileSync("sh", ["-c", '"$0" report "$@" 2>"$ERRORS"', command, ...inputs, "-o", page], {
    env: { ...process.env, ERRORS: errors },
  });
  assert.equal(execFileSync("cat", [errors], { encoding: "utf8" }), expectedErrors);
  return page;
}

// What another part of the command says, as a file.
export function commandOutput(name, words) {
  mkdirSync(results, { recursive: true });
  const file = join(results, name);
  writeFileSync(file, execFileSync(command, words, { maxBuffer: 2 ** 30 }));
  return file;
}

export function inputFile(name, text) {
  mkdirSync(results, { recursive: true });
  const file = join(results, name);
  writeFileSync(file, text);
  return file;
}

// The tables of a live guest of KVM, as `twofold map` reads them.
export function mapOfSample() {
  const name = "max__h1g_2_0_40_1_1";
  const image = join(results, `${name}.bin`);
  mkdirSync(results, { recursive: true });
  writeFileSync(image, execFileSync("gzip", ["-dc", join(data, `images/${name}.tables.bin.gz`)]));
  // The registers are in tests/data/images/max__h1g_2_0_40_1_1.raw.txt.
  return commandOutput("map.json", [
    "map", "--cpu", "max", "--vtcr", "0x1802e3558", "--vttbr", "0x1000040dc0001", "--hcr", "0x403c807e663f",
    "--memory", image, "--json",
  ]);
}

// The page draws in the next frame: what a test reads of it, it reads after that.
function patient(page) {
  for (const read of ["textContent", "isVisible", "isDisabled", "isChecked", "getAttribute"]) {
    const now = page[read].bind(page);
    page[read] = async (...what) => {
      await settled(page);
      return now(...what);
    };
  }
  const turn = page.mouse.wheel.bind(page.mouse);
  page.mouse.wheel = async (...by) => {
    await turn(...by);
    await settled(page);
  };
  return page;
}

const tests = [];
export function test(name, run) {
  tests.push({ name, run });
}

// Opens a page as a file.
export async function withPage(file, use, { width = 1280, height = 800, ...options } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "twofold-report-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    args: browserOptions,
    viewport: { width, height },
    ...options,
  });
  try {
    const page = patient(context.pages()[0] ?? (await context.newPage()));
    page.setDefaultTimeout(20000);
    const wrong = [];
    const requests = [];
    page.on("console", (message) => wrong.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
    page.on("dialog", (dialog) => wrong.push(`dialog: ${dialog.message()}`) && dialog.dismiss());
    context.on("request", (request) => requests.push(request.url()));
    const url = pathToFileURL(file).href;
    await page.goto(url);
    await settled(page);
    await use(page);
    assert.deepEqual(wrong, []);
    assert.deepEqual(requests.filter((request) => request !== url && !request.startsWith("data:")), []);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

// What was asked for is drawn.
export async function settled(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))));
}

export async function press(page, ...keys) {
  for (const key of keys) {
    await page.keyboard.press(key);
  }
  await settled(page);
}

export async function tooltip(page) {
  await settled(page);
  assert.equal(await page.isVisible("#tooltip"), true, "there is a tooltip");
  return page.evaluate(() => {
    const texts = (selector) => [...document.querySelectorAll(`#tooltip ${selector}`)].map((element) => element.textContent);
    const values = texts("dd");
    return { title: texts("strong")[0], ...Object.fromEntries(texts("dt").map((name, i) => [name, values[i]])) };
  });
}

// Moves the pointer to a part of the canvas, in 0 to 1 of its width and height.
export async function hoverPart(page, x, y) {
  await page.locator("#map").scrollIntoViewIfNeeded();
  const box = await page.locator("#map").boundingBox();
  await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
}

// The colour of a pixel of the canvas, as [red, green, blue].
export async function pixel(page, x, y) {
  return page.evaluate(([x, y]) => {
    const map = document.getElementById("map");
    const copy = document.createElement("canvas");
    copy.width = copy.height = 1;
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(map, -Math.floor(x * map.width), -Math.floor(y * map.height));
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }, [x, y]);
}

export async function column(page, name) {
  return page.evaluate((name) => {
    const heads = [...document.querySelectorAll("#runs thead th")].map((cell) => cell.textContent);
    return [...document.querySelectorAll("#runs tbody tr")].map((row) => row.cells[heads.indexOf(name)].textContent);
  }, name);
}

export async function runAll(totals) {
  let passed = 0;
  let failed = 0;
  const only = process.env.ONLY;
  for (const { name, run } of tests) {
    if (only && !name.includes(only)) {
      continue;
    }
    const start = Date.now();
    try {
      await run();
      ++passed;
      console.log(`    ${name.padEnd(74)} pass ${((Date.now() - start) / 1000).toFixed(1).padStart(5)} s`);
    } catch (error) {
      ++failed;
      console.log(`    ${name.padEnd(74)} FAIL\n${String(error.stack ?? error).split("\n", 20).map((line) => `        | ${line.slice(0, 200)}`).join("\n")}`);
    }
  }
  if (totals) {
    writeFileSync(totals, `${passed} ${failed}\n`);
  }
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
