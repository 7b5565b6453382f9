// SPDX-License-Identifier: MIT
// What a page is about, in a few figures, and what it was made of. Names come out of files: they are
// set as text and never as markup.
import { countWords, sizeWords } from "./words.js";

const byId = (id) => document.getElementById(id);

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function definitions(pairs) {
  const list = document.createElement("dl");
  for (const [name, value] of pairs) {
    list.append(element("dt", name), element("dd", value));
  }
  return list;
}

// Paths are long; their last part tells files apart for people.
function shortName(name) {
  return name.split("/").filter(Boolean).at(-1) ?? name;
}

export function showSources(data) {
  const names = data.sources.map((source) => shortName(source.name));
  byId("title").textContent = names.join(", ");
  document.title = `${names.join(", ")} - twofold report`;
  for (const source of data.sources) {
    const article = document.createElement("article");
    article.append(element("h3", source.name), element("p", source.what, "muted"));
    if (source.facts.length > 0) {
      article.append(definitions(source.facts.map((fact) => [fact.name, fact.value])));
    }
    const spaces = data.spaces.filter((space) => data.sources[space.source] === source);
    const notes = [...source.notes, ...spaces.flatMap((space) => [...space.skipped, ...space.notes])];
    if (notes.length > 0) {
      const list = document.createElement("ul");
      list.append(...notes.slice(0, 200).map((note) => element("li", note)));
      if (notes.length > 200) {
        list.append(element("li", `and ${countWords(notes.length - 200)} more`));
      }
      article.append(element("h4", "Notes"), list);
    }
    byId("sources").append(article);
  }
}

export function showSummary(space) {
  let mapped = 0;
  let mappings = 0;
  let runs = 0;
  for (let run = 0; run < space.count; ++run) {
    const kind = space.kindOf(run);
    if (kind.leaf) {
      ++runs;
      mapped += space.bytes(run);
      mappings += space.bytes(run) / kind.entryBytes;
    }
  }
  const first = space.levels[0].level;
  const unsure = (certain) => (certain ? "" : " (guessed)");
  const tiles = [
    ["IPA space", `${space.ipaBits} bits`, sizeWords(space.limit) + unsure(space.certain.ipaBits)],
    ["granule", sizeWords(space.granule), `levels ${first} to 3${unsure(space.certain.granule)}`],
    ["mapped", sizeWords(mapped), `${((100 * mapped) / space.limit).toPrecision(2)} % of the space`],
    ["mappings", countWords(mappings), `in ${countWords(runs)} ${runs === 1 ? "run" : "runs"}${space.runsLeftOut ? `, ${countWords(space.runsLeftOut)} runs left out` : ""}`],
  ];
  if (mappings > 0) {
    tiles.push(["mean mapping", sizeWords(mapped / mappings), "mapped bytes by mappings"]);
  }
  byId("tiles").replaceChildren(
    ...tiles.map(([name, value, more]) => {
      const tile = document.createElement("div");
      tile.append(element("dt", name), element("dd", value, "figure"), element("dd", more, "muted"));
      return tile;
    }),
  );
}
