// SPDX-License-Identifier: MIT
// build.mjs OUTPUT-FOLDER: bundles the page into one file, report.html, and writes it once more as
// pieces of C++, report_page.inc. Packages are found through NODE_PATH.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const output = process.argv[2];
const packages = process.env.NODE_PATH;
const esbuild = createRequire(join(packages, "x.js"))("esbuild");

const browsers = ["chrome123", "firefox120", "safari17.5"]; // the first with light-dark()

async function bundle(file) {
  const result = await esbuild.build({
    entryPoints: [join(here, file)],
    bundle: true,
    nodePaths: [packages],
    minify: true,
    charset: "ascii",
    legalComments: "none", // all licences are in the page as a whole
    format: "iife",
    target: browsers,
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  return { text: result.outputFiles[0].text.trim(), inputs: Object.keys(result.metafile.inputs) };
}

const allowed = ["MIT", "ISC", "BSD-3-Clause", "BSD-2-Clause", "0BSD", "Apache-2.0"];

// The licence of each package of which something is in the bundle.
function licences(inputs) {
  const names = new Set();
  for (const input of inputs) {
    const match = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) {
      names.add(match[1]);
    }
  }
  return [...names].sort().map((name) => {
    const folder = join(packages, name);
    const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!allowed.includes(about.license)) {
      throw new Error(`${name}: its licence ${about.license} is none of ${allowed.join(", ")}`);
    }
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : `Licence: ${about.license}`;
    return `${name} ${about.version}\n\n${text}`;
  });
}

function escapeHtml(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[^\x00-\x7e]/gu, (c) => `&#${c.codePointAt(0)};`);
}

// Nothing in a script or style may end its element.
function inElement(text, element) {
  if (text.toLowerCase().includes(`</${element}`) || text.includes("<!--")) {
    throw new Error(`the bundle has something in it that would end <${element}>`);
  }
  return text;
}

function pieces(page) {
  const delimiter = "twofold_page";
  if (page.includes(`)${delimiter}"`)) {
    throw new Error("the page cannot be a literal of C++");
  }
  const characters = [...page]; // whole ones
  const length = 16000;
  let text = "";
  for (let at = 0; at < characters.length; at += length) {
    text += `R"${delimiter}(${characters.slice(at, at + length).join("")})${delimiter}"sv,\n`;
  }
  return text;
}

function write(name, text) {
  writeFileSync(join(output, `${name}.new`), text);
  renameSync(join(output, `${name}.new`), join(output, name));
}

const script = await bundle("src/main.js");
const style = await bundle("style.css");
const hash = createHash("sha256").update(script.text).digest("base64");
const separator = `\n\n${"-".repeat(72)}\n\n`;
const values = {
  "@SCRIPT_HASH@": `sha256-${hash}`,
  "@STYLE@": inElement(style.text, "style"),
  "@LICENCES@": escapeHtml(licences(script.inputs).join(separator)),
  "@SCRIPT@": inElement(script.text, "script"),
};
const page = readFileSync(join(here, "index.html"), "utf8").replace(
  /@(SCRIPT_HASH|STYLE|LICENCES|SCRIPT)@/g,
  (mark) => values[mark],
);
mkdirSync(output, { recursive: true });
write("report.html", page);
write("report_page.inc", pieces(page));
